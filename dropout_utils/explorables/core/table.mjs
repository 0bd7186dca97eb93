// A small table whose cells change and whose place does not: what a picture shows, in words and numbers.

import { make, minus } from "./frame.mjs";

const CELL = "padding:.1rem .45rem .1rem 0;border:0;vertical-align:top;overflow-wrap:normal;font-weight:inherit;font-size:inherit;";

// `heads` name the columns; fill(rows) writes rows of strings, the first of each names its row.
export function readings(caption, heads) {
  const side = (j) => `${CELL}${j ? "text-align:right;white-space:pre-line" : "text-align:left;white-space:nowrap"};font-variant-numeric:tabular-nums`;
  const body = make("tbody"), head = heads.map((text, j) => make("th", { scope: "col", style: `${side(j)};opacity:.85` }, text));
  const element = make("table", { style: "align-self:start;width:100%;border-collapse:collapse;margin:.3rem 0;font-size:.9em;color:inherit;border:0" },
    make("caption", { style: "text-align:left;caption-side:top;padding:0;color:inherit;font-size:inherit;font-style:normal;font-weight:600" }, caption),
    make("thead", { style: "border-bottom:1px solid var(--du-rule)" }, make("tr", { style: "background:none" }, ...head)), body);
  const fill = (rows) => rows.forEach((row, i) => {
    const line = body.rows[i] ?? body.appendChild(make("tr", { style: "background:none" },
      ...row.map((_, j) => make(j ? "td" : "th", j ? { style: side(j) } : { scope: "row", style: side(j) }))));
    row.forEach((text, j) => line.cells[j].textContent !== text && (line.cells[j].textContent = text));
  });
  return { element, fill };
}

// A number for such a table: "0" is exactly zero, "0.00" only nearly.
export function digits(value, count = 2) {
  return value === 0 ? "0" : minus(value.toFixed(count));
}
