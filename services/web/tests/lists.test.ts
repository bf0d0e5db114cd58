import { describe, expect, test } from "vitest";
import { ariaSort, drawn, found, heldOrder, nextSorting, readSorting, sortRows } from "../src/domain/lists.ts";

interface Row {
  name: string;
  fill?: number | null;
}
const COLUMNS = [
  { key: "name", of: (row: Row) => row.name },
  { key: "fill", of: (row: Row) => row.fill },
];
const ROWS: Row[] = [
  { name: "b10", fill: 0.4 },
  { name: "b2" },
  { name: "b1", fill: 0.9 },
  { name: "b3", fill: 0.4 },
  { name: "b4", fill: null },
];
const names = (text: string, language = "en") => sortRows(ROWS, COLUMNS, text, language).map(row => row.name);

describe("sorting", () => {
  test("puts what is not known last either way, and keeps equal rows as they came", () => {
    expect(names("fill")).toEqual(["b10", "b3", "b1", "b2", "b4"]);
    expect(names("-fill")).toEqual(["b1", "b10", "b3", "b2", "b4"]);
  });

  test("counts numbers in names as numbers, and Chinese by its own order", () => {
    expect(names("name")).toEqual(["b1", "b2", "b3", "b4", "b10"]);
    const rows = ["长江路", "北街", "安平路"].map(name => ({ name }));
    expect(sortRows(rows, COLUMNS, "name", "zh").map(row => row.name)).toEqual(["安平路", "北街", "长江路"]);
  });

  test("by nothing, or by a column another list has, is the list's own order", () => {
    for (const text of ["", "-", "nobody", "-nobody"]) expect(names(text)).toEqual(ROWS.map(row => row.name));
  });

  test("goes at each press from smallest first to largest first to the list's own order, and says so", () => {
    expect(["", "fill", "-fill", "name"].map(text => nextSorting(text, "fill"))).toEqual(["fill", "-fill", "", "fill"]);
    expect(["", "fill", "-fill"].map(text => ariaSort(text, "fill"))).toEqual(["none", "ascending", "descending"]);
    expect(readSorting("-fill")).toEqual({ key: "fill", down: true });
  });
});

test("a text is found in any name, whatever the case; no text in all", () => {
  expect(found(" A1 ", () => [null, "沪a123"])).toBe(true);
  expect(found("b", () => [undefined, "沪A123"])).toBe(false);
  expect(found("  ", () => [])).toBe(true);
});

test("rows keep their places while somebody reads; new ones come below, gone ones leave", () => {
  expect(heldOrder(["new", "c", "a"], ["a", "b", "c"])).toEqual(["a", "c", "new"]);
});

describe("of a long list", () => {
  const heights = Array.from({ length: 1_000 }, () => 50);
  const total = (of: ReturnType<typeof drawn>) =>
    of.rest_px + of.segments.reduce((sum, one) => sum + one.gap_px + (one.to - one.from) * 50, 0);

  test("only what is seen, and a little more, is drawn; heights add up wherever it is scrolled", () => {
    for (const top of [0, 1, 25_000, 49_900, 60_000]) {
      const of = drawn(heights, [top, top + 800], 200);
      expect(of.segments.reduce((sum, one) => sum + one.to - one.from, 0)).toBeLessThan(30);
      expect(total(of)).toBe(50_000);
    }
    expect(drawn(heights, [25_000, 25_800], 0).segments[0]).toEqual({ from: 499, to: 517, gap_px: 24_950 });
  });

  test("the row with the focus is drawn with its neighbours, far from what is seen", () => {
    const of = drawn(heights, [0, 500], 0, 900);
    expect(of.segments.at(-1)).toEqual({ from: 899, to: 902, gap_px: 50 * (899 - 11) });
    expect(total(of)).toBe(50_000);
  });

  test("all is drawn for paper, and nothing of nothing", () => {
    const all = drawn(heights, [0, Number.POSITIVE_INFINITY], 0);
    expect(all).toEqual({ segments: [{ from: 0, to: 1_000, gap_px: 0 }], rest_px: 0 });
    expect(drawn([], [0, 800], 200)).toEqual({ segments: [], rest_px: 0 });
  });
});
