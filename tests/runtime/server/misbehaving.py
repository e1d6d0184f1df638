"""A server that speaks OpenAI's protocol over a real socket, as well or as badly as a test wants it.

What it knows is computed: every prompt has one distribution over the vocabulary, so what the engine makes of a reply
can be compared with the truth. `skills` say what it can do, `faults` what goes wrong with the next requests.
"""

from __future__ import annotations

import json
import math
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from constitution_lang.ir.model import Role
from runtime.prompting import ModelTokenizer
from runtime.records import Turn

NAME, OTHER = "served-model", "another"
_EXTRAS = {
    "top_k", "min_p", "repetition_penalty", "return_token_ids", "stop_token_ids", "return_tokens_as_token_ids",
    "logprob_token_ids", "add_generation_prompt", "continue_final_message",
}  # fmt: skip

Fault = Callable[["Handler"], None]


@dataclass
class Skills:
    """What the server can do. `strict` refuses fields that it does not know; else it leaves them out."""

    ids: bool = True
    exact: bool = True
    listed: int = 20
    processed: bool = False
    """Log-probabilities are those after the temperature, as some servers give them."""
    extras: bool = True
    opening: bool = True
    models: bool = True
    tokenize: bool = True
    usage: bool = True
    strict: bool = False
    limit: str = "max_tokens"
    key: str | None = None
    context_max: int = 2048


@dataclass
class State:
    """The server as a test sees it."""

    tokenizer: ModelTokenizer
    folder: Path
    skills: Skills
    url: str = ""
    faults: list[Fault | None] = field(default_factory=list)
    always: Fault | None = None
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    delay: float = 0.0
    listed: list[str] | None = None
    """The models that it says it has, where not the usual ones."""
    weights: str = ""
    """Others, and another model answers under the same name."""
    rounding: int = 0
    """Another number, and all is rounded otherwise, as coarsely as bfloat16 does it."""
    likely: tuple[int, ...] = ()
    """Tokens that are among the likeliest after every prompt."""
    reached_as: list[str] = field(default_factory=list)
    """As a proxy: the servers that it stood for."""
    under_way: int = 0
    most_under_way: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def scores(self, tokens: Sequence[int]) -> list[float]:
        """Log-probabilities of all 512 tokens after a prompt."""
        seed = blake2b(f"{self.weights}{json.dumps(list(tokens))}".encode(), digest_size=8).digest()
        dice = random.Random(int.from_bytes(seed))  # noqa: S311
        logits = [dice.gauss(0, 3) for _ in range(512)]
        for id in self.likely:
            logits[id] += 9
        rounded = random.Random(self.rounding)  # noqa: S311
        logits = [x + rounded.gauss(0, 0.1) for x in logits] if self.rounding else logits
        total = math.log(math.fsum(map(math.exp, logits)))
        return [x - total for x in logits]

    def draw(self, tokens: Sequence[int], body: dict[str, Any]) -> tuple[list[int], str]:
        """A completion of plain words, the same for the same prompt and seed."""
        dice = random.Random(f"{list(tokens)} {body.get('seed')} {body.get('temperature')}")  # noqa: S311
        words = " ".join(
            dice.choice(("the", "response", "is", "kind", "and", "help")) for _ in range(dice.randrange(1, 9))
        )
        ids = list(self.tokenizer.encode_answer((Turn(Role.USER, "?"),), words)[1])
        most = body.get("max_tokens") or body.get("max_completion_tokens") or 16
        return (ids, "stop") if len(ids) <= most else (ids[:most], "length")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: State

    def log_message(self, *_: object) -> None: ...

    def parse_request(self) -> bool:
        """A proxy gets whole addresses, and answers here as if it were each of them."""
        whole = super().parse_request()
        if whole and "://" in self.path:
            asked = urlsplit(self.path)
            self.state.reached_as.append(asked.netloc)
            self.path = asked.path
        return whole

    def do_GET(self) -> None:
        if self._allowed():
            if self.path == "/v1/models" and self.state.listed is not None:
                self.reply({"object": "list", "data": [{"id": name} for name in self.state.listed]})
            elif self.path == "/v1/models" and self.state.skills.models:
                card = {"id": NAME, "max_model_len": self.state.skills.context_max}
                self.reply({"object": "list", "data": [card, {"id": OTHER}]})
            else:
                self.fail(404, "Not Found")

    def do_POST(self) -> None:
        state = self.state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with state.lock:
            state.under_way += 1
            state.most_under_way = max(state.most_under_way, state.under_way)
            state.bodies.append({"path": self.path, **body})
            state.headers.append({name.title(): value for name, value in self.headers.items()})
            fault = state.faults.pop(0) if state.faults else state.always
        try:
            time.sleep(state.delay)
            if fault is not None:
                fault(self)
            elif self._allowed():
                self._answer(body)
        finally:
            with state.lock:
                state.under_way -= 1

    def reply(self, body: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def fail(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        self.reply({"error": {"message": message, "type": "error"}}, status, headers)

    def _allowed(self) -> bool:
        key = self.state.skills.key
        if key is not None and self.headers.get("Authorization") != f"Bearer {key}":
            # Some servers repeat what they were given.
            self.fail(401, f"Incorrect API key provided: {self.headers.get('Authorization')}")
            return False
        return True

    def _answer(self, body: dict[str, Any]) -> None:
        skills, state = self.state.skills, self.state
        if self.path == "/tokenize" and skills.tokenize:
            self.reply({"tokens": self._ids(body["prompt"], add_special_tokens=False)})
            return
        if complaint := self._complaint(body):
            self.fail(*complaint)
            return
        if not skills.extras:
            body = {name: value for name, value in body.items() if name not in _EXTRAS}
        chat = self.path.startswith("/v1/chat")
        prompt = self._chat_prompt(body) if chat else body["prompt"]
        if isinstance(prompt, str):
            prompt = self._ids(prompt)
        if len(prompt) + body.get(skills.limit, 16) > skills.context_max:
            self.fail(400, f"This model's maximum context length is {skills.context_max} tokens.")
            return
        ids, finish = state.draw(prompt, body)
        choice: dict[str, Any] = {"index": 0, "finish_reason": finish}
        text = state.tokenizer.decode(ids)
        choice |= {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        if body.get("return_token_ids"):
            choice["token_ids"] = ids
        if body.get("logprobs") and skills.listed:
            choice["logprobs"] = self._logprobs(prompt, body, chat=chat)
        usage = {"prompt_tokens": len(prompt), "completion_tokens": len(ids)} if skills.usage else None
        self.reply({"id": "x", "object": "completion", "choices": [choice], "usage": usage})

    def _complaint(self, body: dict[str, Any]) -> tuple[int, str] | None:
        """Status and words where the server does not take a request."""
        skills, unknown = self.state.skills, sorted(_EXTRAS & body.keys())
        if self.path not in {"/v1/completions", "/v1/chat/completions"}:
            return 404, "Not Found"
        if {"max_tokens", "max_completion_tokens"} - {skills.limit} & body.keys():
            return 400, f"Unsupported parameter: use '{skills.limit}' instead."
        if unknown and skills.strict and not skills.extras:
            return 400, f"Unrecognized request argument supplied: {', '.join(unknown)}"
        if body["model"] not in {NAME, OTHER}:
            return 404, f"The model {body['model']} does not exist"
        if isinstance(body.get("prompt"), list) and not skills.ids:
            return 422, "prompt: Input should be a valid string"
        return None

    def _ids(self, text: str, **how: Any) -> list[int]:
        from tokenizers import Tokenizer

        ids: list[int] = Tokenizer.from_file(str(self.state.folder / "tokenizer.json")).encode(text, **how).ids
        return ids

    def _chat_prompt(self, body: dict[str, Any]) -> tuple[int, ...]:
        turns = tuple(Turn(Role(m["role"]), m["content"]) for m in body["messages"])
        if body.get("continue_final_message") and self.state.skills.opening:
            return self.state.tokenizer.encode(turns[:-1], turns[-1].text)
        return self.state.tokenizer.encode(turns)

    def _logprobs(self, prompt: Sequence[int], body: dict[str, Any], *, chat: bool) -> dict[str, Any]:
        scores = self.state.scores(prompt)
        if self.state.skills.processed:
            scores = _after(scores, body.get("temperature", 1.0))
        ranked = sorted(range(512), key=scores.__getitem__, reverse=True)
        drawn = ranked[40]  # listed too, though it is not likely
        wanted = body["top_logprobs"] if chat else body["logprobs"]
        chosen = ranked[: min(wanted, self.state.skills.listed)]
        if self.state.skills.exact and body.get("logprob_token_ids"):
            chosen = body["logprob_token_ids"]
        chosen = list(dict.fromkeys([drawn, *chosen]))

        def name(id: int) -> str:
            if body.get("return_tokens_as_token_ids"):
                return f"token_id:{id}"
            return self.state.tokenizer.decode((id,))

        listed = [{"token": name(id), "logprob": scores[id]} for id in chosen]
        if chat:
            return {"content": [{"token": name(drawn), "logprob": scores[drawn], "top_logprobs": listed}]}
        return {
            "tokens": [name(drawn)],
            "token_logprobs": [scores[drawn]],
            "top_logprobs": [{entry["token"]: entry["logprob"] for entry in reversed(listed)}],
        }


def _after(scores: Sequence[float], temperature: float) -> list[float]:
    """Log-probabilities after a temperature; at 0 one token has it all, and the others cannot come."""
    if temperature == 0:
        return [0.0 if score == max(scores) else -9999.0 for score in scores]
    total = math.log(math.fsum(math.exp(score / temperature) for score in scores))
    return [score / temperature - total for score in scores]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is what some tests are about."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@contextmanager
def serving(folder: Path, skills: Skills) -> Iterator[State]:
    """The server on a port of its own."""
    state = State(ModelTokenizer(folder), folder, skills)
    handler = type("Bound", (Handler,), {"state": state})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


# --- faults ----------------------------------------------------------------------------------------


def status(code: int, message: str = "no", **headers: str) -> Fault:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.fail(code, message, named)


def body(content: object) -> Fault:
    return lambda handler: handler.reply(content)


def half(handler: Handler) -> None:
    """Headers that promise more than comes."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [{"text": "the resp')
    handler.wfile.flush()
    handler.connection.shutdown(2)
    handler.close_connection = True


def cut_json(handler: Handler) -> None:
    """A whole reply of half a text, as a proxy sends it."""
    handler.reply(b'{"choices": [{"text": "the resp')


def web_page(handler: Handler) -> None:
    handler.reply(b"<!doctype html><html><body>Please log in</body></html>", headers={"Content-Type": "text/html"})


def hang_up(handler: Handler) -> None:
    handler.connection.shutdown(2)
    handler.close_connection = True


def silence(handler: Handler) -> None:
    time.sleep(3)
    handler.close_connection = True


def drip(handler: Handler) -> None:
    """A byte now and then, for longer than anybody waits."""
    handler.send_response(200)
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    try:
        for _ in range(60):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        pass
    handler.close_connection = True


def endless(handler: Handler) -> None:
    """Sends until nobody listens."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    part = b"[" * 2**20
    try:
        while True:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
    except OSError:
        handler.close_connection = True
