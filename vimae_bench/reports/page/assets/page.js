// What a reader may do with a page: sort, filter, hide columns, copy, choose light or dark. Without it all is shown.
"use strict";

const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};

const announce = (text) => {
  document.getElementById("status").textContent = text;
};

// Sorting: best first, then the other way round. What has no number stays at the end.
const key = (row, column) => {
  const cell = row.cells[column];
  const given = cell.dataset.order;
  if (given === undefined) return cell.textContent.trim();
  return given === "" ? null : Number(given);
};

const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));

const ordered = (pairs, sign) => {
  const known = pairs.filter(([value]) => value !== null).sort(([a], [b]) => sign * compare(a, b));
  return [...known, ...pairs.filter(([value]) => value === null)].map(([, element]) => element);
};

// The rows of a body stay together, and bodies follow the first of their rows.
const sort = (table, column, sign) => {
  if (table.dataset.sort === "within") {
    for (const body of table.tBodies) body.append(...ordered([...body.rows].map((row) => [key(row, column), row]), sign));
    return;
  }
  const bodies = [...table.tBodies].map((body) => {
    const rows = ordered([...body.rows].map((row) => [key(row, column), row]), sign);
    body.append(...rows);
    return [key(rows[0], column), body];
  });
  table.append(...ordered(bodies, sign));
};

const sortable = (table) => {
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  for (const [column, head] of heads.entries()) {
    const best = head.dataset.better === "higher" ? "descending" : "ascending";
    const other = best === "ascending" ? "descending" : "ascending";
    const button = make("button", { type: "button" });
    button.append(...[...head.childNodes].filter((node) => !node.classList?.contains("tip")));
    head.prepend(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const next = head.getAttribute("aria-sort") === best ? other : best;
      for (const each of heads) each.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", next);
      sort(table, column, next === "ascending" ? 1 : -1);
      announce(`Sorted by ${head.dataset.name}, ${next}`);
    });
  }
};

// All measures of a grid, or the most important ones.
const expandable = (table) => {
  const button = make("button", { type: "button", className: "more", textContent: table.dataset.expand, ariaExpanded: "false" });
  let all = false;
  table.closest(".scroll").nextElementSibling.append(button);
  button.addEventListener("click", () => {
    all = !all;
    for (const cell of table.querySelectorAll("[data-more]")) cell.hidden = !all;
    for (const head of table.querySelectorAll("[data-all]")) head.colSpan = (all ? head.dataset.all : head.dataset.key) || 1;
    button.textContent = all ? "Show fewer measures" : table.dataset.expand;
    button.ariaExpanded = String(all);
  });
};

// Methods: pointing at one, in the legend of figures or in a row, highlights it everywhere; its marker keeps it so.
const highlights = () => {
  const marks = [...document.querySelectorAll("figure [data-method]")];
  const rows = [...document.querySelectorAll("tr[data-method]")];
  const drawn = new Set(marks.map((mark) => mark.dataset.method));
  const buttons = [];
  let kept = null;
  const show = (label) => {
    for (const mark of marks) mark.classList.toggle("dim", label !== null && mark.dataset.method !== label);
    for (const row of rows) row.classList.toggle("picked", row.dataset.method === label);
  };
  const keep = (label) => {
    kept = label;
    for (const button of buttons) button.ariaPressed = String(button.dataset.method === kept);
    show(kept);
  };
  const point = (element) => {
    for (const event of ["mouseenter", "focusin"]) element.addEventListener(event, () => show(element.dataset.method));
    for (const event of ["mouseleave", "focusout"]) element.addEventListener(event, () => show(kept));
  };
  for (const row of rows) if (drawn.has(row.dataset.method)) point(row);
  for (const marker of document.querySelectorAll("table.grid .marker")) {
    const label = marker.dataset.method;
    if (!drawn.has(label)) continue;
    const button = make("button", { type: "button", className: "marker", ariaLabel: `Highlight ${label}`, ariaPressed: "false" });
    button.title = `Highlight ${label} in figures and pictures`;
    button.dataset.method = label;
    button.append(...marker.childNodes);
    marker.replaceWith(button);
    buttons.push(button);
    button.addEventListener("click", () => {
      keep(kept === label ? null : label);
      announce(kept ? `${label} highlighted in figures and pictures` : "No method highlighted");
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && kept) keep(null);
  });
  for (const chip of document.querySelectorAll(".series .chip")) {
    const label = chip.dataset.method;
    const button = make("button", { type: "button", className: "chip", ariaPressed: "true" });
    button.dataset.method = label;
    button.append(...chip.childNodes);
    chip.replaceWith(button);
    button.addEventListener("click", () => {
      const shown = button.ariaPressed !== "true";
      button.ariaPressed = String(shown);
      for (const mark of marks) if (mark.dataset.method === label) mark.classList.toggle("gone", !shown);
      announce(`${label} ${shown ? "shown" : "hidden"} in figures`);
    });
    point(button);
  }
};

// Filtering: rows whose first cell holds the text.
const filter = (table) => {
  const wish = `Filter ${table.tHead.rows[0].cells[0].dataset.name}s`;
  const input = make("input", { type: "search", placeholder: wish, ariaLabel: wish });
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    for (const row of rows) row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
    announce(`${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`);
  });
  return input;
};

// Columns: all but the first can be hidden.
const columns = (table) => {
  const list = make("fieldset", {}, make("legend", { className: "hidden", textContent: "Columns shown" }));
  for (const [column, head] of [...table.tHead.rows[0].cells].entries()) {
    if (column === 0) continue;
    const box = make("input", { type: "checkbox", checked: true });
    box.addEventListener("change", () => {
      for (const row of table.rows) row.cells[column].hidden = !box.checked;
      announce(`${head.dataset.name} ${box.checked ? "shown" : "hidden"}`);
    });
    list.append(make("label", {}, box, head.dataset.name));
  }
  const menu = make("details", {}, make("summary", { textContent: "Columns" }), list);
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.firstChild.focus();
  });
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  return menu;
};

// Copying: by the clipboard where the browser lets a file use it, by a selected text where not.
const selected = (text) => {
  const area = make("textarea", { value: text, className: "copy", ariaLabel: "Text to copy" });
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  if (done) area.remove();
  return done;
};

const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return selected(text);
  }
};

const copies = (texts) =>
  Object.entries(texts).map(([name, text]) => {
    const button = make("button", { type: "button", textContent: name, ariaLabel: `Copy as ${name}` });
    button.addEventListener("click", async () => {
      const done = await copy(text);
      if (done) button.focus();
      announce(done ? `Copied as ${name}` : "Press Ctrl+C to copy the selected text");
      button.textContent = done ? "Copied" : "Selected below";
      setTimeout(() => (button.textContent = name), 1500);
    });
    return button;
  });

// Light or dark, until the page is left.
const schemes = () => {
  const dark = () =>
    document.documentElement.dataset.scheme
      ? document.documentElement.dataset.scheme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
  const button = make("button", { type: "button", className: "scheme" });
  const name = () => (button.textContent = dark() ? "Light" : "Dark");
  button.addEventListener("click", () => {
    document.documentElement.dataset.scheme = dark() ? "light" : "dark";
    name();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
  name();
  document.querySelector("header.page").prepend(button);
};

const texts = JSON.parse(document.getElementById("texts")?.textContent ?? "{}");
for (const table of document.querySelectorAll("table[data-tools]")) {
  const tools = make("div", { className: "tools" }, filter(table), columns(table));
  if (texts[table.id]) {
    tools.append(make("span", { className: "end" }, make("span", { textContent: "Copy as" }), ...copies(texts[table.id])));
  }
  table.closest(".scroll").before(tools);
}
for (const table of document.querySelectorAll("table[data-sort]")) sortable(table);
for (const table of document.querySelectorAll("table[data-expand]")) expandable(table);
highlights();
schemes();
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("section details[data-print]")) details.open = true;
});
