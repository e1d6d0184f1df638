"use strict";
(() => {
  // Values of a chart under the pointer or the finger.
  for (const figure of document.querySelectorAll("figure")) {
    const out = figure.querySelector("output");
    if (!out) continue;
    let on = null;
    const show = (event) => {
      const hit = event.target.closest(".hit");
      if (hit === on) return;
      if (on) on.classList.remove("on");
      on = hit;
      out.textContent = hit ? hit.dataset.value : "";
      if (hit) hit.classList.add("on");
    };
    figure.addEventListener("pointermove", show);
    figure.addEventListener("click", show);
  }

  // The filter of rows.
  const form = document.querySelector(".filters");
  const rows = [...document.querySelectorAll(".row")];
  if (form && rows.length) {
    form.hidden = false;
    const count = document.getElementById("row-count");
    const texts = new Map();
    const apply = () => {
      const words = form.elements.words.value.toLowerCase().trim();
      const { kind, principle, outcome } = form.elements;
      let shown = 0;
      for (const row of rows) {
        if (words && !texts.has(row)) texts.set(row, row.textContent.toLowerCase());
        const has = (name, value) => !value || JSON.parse(row.dataset[name]).includes(value);
        const keep = (!words || texts.get(row).includes(words)) && (!kind.value || row.dataset.kind === kind.value)
          && has("principles", principle.value) && has("outcomes", outcome.value);
        row.hidden = !keep;
        shown += keep;
      }
      count.textContent = `${shown} of ${rows.length} shown`;
    };
    form.addEventListener("input", apply);
    form.addEventListener("change", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    apply();
  }

  // A link to a row opens it.
  const open = () => {
    let id = "";
    try { id = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    const row = document.getElementById(id);
    if (row && row.matches(".row")) { row.open = true; row.scrollIntoView(); }
  };
  addEventListener("hashchange", open);
  open();
})();
