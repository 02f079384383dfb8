"use strict";
// Sorting, filtering and copying; without it everything is there to read. Text is only ever set as text.
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

  const makeSortable = (table) => {
    if (table.tBodies[0].rows.length < 2) return;
    Array.from(table.tHead.rows[0].cells).forEach((heading, at) => {
      const name = heading.querySelector(".name");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort name";
      button.textContent = name.textContent;
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
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "copy";
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

  // On paper nothing can be unfolded.
  addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("details")) folded.open = true;
  });
  for (const table of document.querySelectorAll("table")) makeSortable(table);
  for (const block of document.querySelectorAll(".block")) makeFilterable(block);
  for (const command of document.querySelectorAll(".command")) makeCopyable(command);
})();
