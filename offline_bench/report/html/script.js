"use strict";
// Sorting, filtering, copying, definitions; without it everything is there to read. Text is only ever set as text.
(() => {

  const orderOf = (cell) => {
    const order = cell.dataset.order;
    if (order !== undefined) return Number(order);
    return cell.classList.contains("number") ? null : cell.textContent.trim();
  };

  // Cells without a number stay last both ways; equal ones keep their order.
  const compare = (a, b, sign) => {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === "number" && typeof b === "number") return a === b ? 0 : sign * (a < b ? -1 : 1);
    return sign * String(a).localeCompare(String(b), "en", { numeric: true });
  };

  const sortBy = (table, at, heading) => {
    const numeric = heading.classList.contains("number");
    const now = heading.getAttribute("aria-sort");
    const first = numeric ? "descending" : "ascending";
    const next = now === null ? first : now === "ascending" ? "descending" : "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", next);
    const body = table.tBodies[0];
    const rows = Array.from(body.rows, (row) => [orderOf(row.cells[at]), row]);
    rows.sort((a, b) => compare(a[0], b[0], next === "ascending" ? 1 : -1));
    body.append(...rows.map((pair) => pair[1]));
  };

  const makeButton = (name, text) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = name;
    button.textContent = text;
    return button;
  };

  const makeSortable = (table) => {
    if (table.tBodies[0].rows.length < 2) return;
    Array.from(table.tHead.rows[0].cells).forEach((heading, at) => {
      const name = heading.querySelector(".name");
      const button = makeButton("sort name", name.textContent);
      button.addEventListener("click", () => sortBy(table, at, heading));
      name.replaceWith(button);
    });
  };

  const makeFilterable = (block) => {
    const bar = block.querySelector(".filters");
    if (!bar) return;
    const table = block.querySelector("table");
    const status = block.querySelector(".status");
    const columns = Array.from(table.tHead.rows[0].cells, (cell) => cell.querySelector(".name").textContent);
    const selects = Array.from(bar.querySelectorAll("select"), (select) => [select, columns.indexOf(select.dataset.column)]);
    const search = bar.querySelector("input");
    const rows = Array.from(table.tBodies[0].rows, (row) => ({
      row,
      values: Array.from(row.cells, (cell) => cell.querySelector(".value, strong").textContent),
      text: row.textContent.toLowerCase(),
    }));
    const filter = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const { row, values, text } of rows) {
        const kept = selects.every(([select, at]) => !select.value || values[at] === select.selectedOptions[0].textContent);
        row.hidden = !(kept && words.every((word) => text.includes(word)));
        shown += !row.hidden;
      }
      status.textContent = `${shown} of ${rows.length} rows shown`;
    };
    for (const [select] of selects) select.addEventListener("change", filter);
    search.addEventListener("input", filter);
    bar.querySelector("button").addEventListener("click", () => {
      for (const [select] of selects) select.value = "";
      search.value = "";
      filter();
    });
    bar.hidden = false;
    filter();
  };

  const makeCopyable = (command) => {
    const button = makeButton("copy", "copy");
    button.addEventListener("click", async () => {
      const code = command.querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "selected: press Ctrl+C";
      }
    });
    command.append(button);
  };

  // One box for all that is a tap away: it opens beside what was tapped, and goes with Escape or another tap.
  const makeTip = () => {
    const tip = document.createElement("div");
    if (!("popover" in tip)) return null;
    tip.id = "tip";
    tip.popover = "auto";
    tip.setAttribute("role", "dialog");
    const heading = document.createElement("strong");
    heading.id = "tip-heading";
    tip.setAttribute("aria-labelledby", heading.id);
    const text = document.createElement("p");
    const close = makeButton("close", "Close");
    close.autofocus = true;
    close.addEventListener("click", () => tip.hidePopover());
    tip.append(heading, text, close);
    document.body.append(tip);
    let opener = null;
    // Before it shows and takes the focus: else the page would scroll to where it stood last.
    tip.addEventListener("beforetoggle", (event) => {
      if (event.newState !== "open") return;
      const beside = opener.getBoundingClientRect();
      tip.style.left = `${scrollX + Math.max(8, beside.left - 40)}px`;
      tip.style.top = `${scrollY + beside.bottom + 6}px`;
    });
    tip.addEventListener("toggle", (event) => {
      if (event.newState !== "open") return;
      const beside = opener.getBoundingClientRect();
      const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
      tip.style.left = `${scrollX + Math.max(8, Math.min(beside.left, room))}px`;
      const below = beside.bottom + 6;
      const above = beside.top - tip.offsetHeight - 6;
      tip.style.top = `${scrollY + (below + tip.offsetHeight > innerHeight && above > 0 ? above : below)}px`;
    });
    return (button, name, said) => {
      button.popoverTargetElement = tip;
      button.setAttribute("aria-haspopup", "dialog");
      button.addEventListener("click", () => {
        if (opener !== button && tip.matches(":popover-open")) tip.hidePopover();
        opener = button;
        heading.textContent = name;
        text.textContent = said();
      });
    };
  };

  const explain = makeTip();
  const makeDefinition = (link) => {
    const entry = document.getElementById(link.hash.slice(1));
    const button = makeButton("what", "");
    button.setAttribute("aria-label", link.getAttribute("aria-label"));
    button.append(...link.childNodes);
    explain(button, entry.querySelector("dt").textContent, () => entry.querySelector("dd").textContent);
    link.replaceWith(button);
  };
  const makeShort = (value) => {
    const button = makeButton("id", "");
    button.append(...value.childNodes);
    value.append(button);
    explain(button, "in full", () => value.dataset.full);
  };

  // A link to what is folded away opens it.
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    target.scrollIntoView();
  };
  const sections = Array.from(document.querySelectorAll("details.section"));
  const folds = document.querySelector(".folds");
  const foldAll = folds.querySelector("button");
  const anyFolded = () => sections.some((section) => !section.open);
  foldAll.addEventListener("click", () => {
    const open = anyFolded();
    for (const section of sections) section.open = open;
  });
  for (const section of sections) {
    section.addEventListener("toggle", () => { foldAll.textContent = anyFolded() ? "Open all sections" : "Fold all sections"; });
  }
  folds.hidden = false;

  // On paper nothing can be unfolded.
  addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("details:not(.unprinted)")) folded.open = true;
  });
  addEventListener("hashchange", reveal);
  for (const table of document.querySelectorAll("table")) if (table.tHead && table.closest(".block")) makeSortable(table);
  for (const block of document.querySelectorAll(".block")) makeFilterable(block);
  for (const command of document.querySelectorAll(".command")) makeCopyable(command);
  if (explain) {
    for (const link of document.querySelectorAll("a.what")) makeDefinition(link);
    for (const value of document.querySelectorAll("[data-full]")) makeShort(value);
  }
  reveal();
})();
