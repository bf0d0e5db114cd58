import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { exportHref, ofWaste, queryOf, TABS, type Tab } from "../src/domain/query.ts";
import { en } from "../src/words/en.ts";

const NOW_MS = 1_795_500_000_000;
const ALL = { find: "", show: "", waste: null };

/** Of each sheet the gateway makes: the choices it knows. */
function sheetsOfGateway(): Map<string, string[]> {
  const read = (name: string) => readFileSync(resolve(import.meta.dirname, "../../gateway", name), "utf8");
  const text = read("live_rows.py") + read("kept_rows.py");
  const found = [...text.matchAll(/^ {4}"([\w-]+)": (?:Kept)?Sheet\(\n {8}\([^)]*\),\n {8}\(([^)]*)\)/gm)];
  return new Map(
    found.map(([, name = "", shows = ""]) => [name, [...shows.matchAll(/"(\w+)"/g)].map(one => one[1] ?? "")]),
  );
}

const CHOICES: Record<Tab, string[]> = {
  trucks: Object.keys(en.list.shows.trucks),
  due: Object.keys(en.list.shows.due),
  changes: Object.keys(en.list.shows.changes),
  left: Object.keys(en.list.shows.left),
  orders: Object.keys(en.orderState),
  alerts: [...Object.keys(en.handling), "all"],
  sites: Object.keys(en.list.shows.sites),
};

describe("a file of a list", () => {
  test("is asked for by a name and a choice that the gateway knows, whatever is chosen on the page", () => {
    const sheets = sheetsOfGateway();
    expect(sheets.size).toBe(9);
    for (const tab of TABS)
      for (const show of ["", ...CHOICES[tab]]) {
        const url = new URL(exportHref(tab, "csv", { ...ALL, show }, NOW_MS), "http://city.example");
        const sheet = sheets.get(/\/export\/([\w-]+)\.csv$/.exec(url.pathname)?.[1] ?? "");
        expect(sheet, url.href).toBeDefined();
        const asked = url.searchParams.get("show");
        if (asked !== null) expect(sheet, url.href).toContain(asked);
      }
  });

  test("has the list's filters: what was typed, the kinds of waste; of alerts those to be handled, a month back", () => {
    const asked = { find: " 苏F&1 ", show: "unplanned", waste: ["kitchen", "nonsense"] };
    expect(exportHref("due", "geojson", asked, NOW_MS)).toBe(
      "/api/v1/export/due.geojson?find=%E8%8B%8FF%261&waste=kitchen&show=unplanned",
    );
    const alerts = new URLSearchParams(exportHref("alerts", "csv", ALL, NOW_MS).split("?")[1]);
    expect([alerts.get("show"), Number(alerts.get("to_ms")) - Number(alerts.get("from_ms"))]).toEqual([
      "open",
      31 * 86_400_000,
    ]);
    expect(exportHref("alerts", "csv", { ...ALL, show: "all" }, NOW_MS)).not.toMatch(/show/);
  });
});

test("a kept view is a list and a query again; what it does not say is all", () => {
  expect(queryOf("list=due&show=unplanned&waste=kitchen%2Cresidual&sort=-fill")).toEqual({
    tab: "due",
    query: { find: "", show: "unplanned", waste: ["kitchen", "residual"] },
  });
  expect(queryOf("list=nonsense")).toEqual({ tab: "trucks", query: ALL });
  expect(ofWaste(ALL, null)).toBe(true);
  expect(ofWaste({ ...ALL, waste: ["kitchen"] }, null)).toBe(false);
});
