/** What a list of the desk is asked for, by an address; and the same question to the gateway, for a file. Pure. */

import { MATERIALS } from "../contract.ts";

export const TABS = ["trucks", "due", "changes", "left", "orders", "alerts", "sites"] as const;
export type Tab = (typeof TABS)[number];

export interface Query {
  find: string;
  /** The list's own choice; "", or one of another list = all. */
  show: string;
  /** Kinds of waste; null = all. */
  waste: readonly string[] | null;
}

/** The list and the query of a kept view. */
export function queryOf(address: string): { tab: Tab; query: Query } {
  const of = new URLSearchParams(address);
  const list = of.get("list") ?? "";
  const waste = of.get("waste");
  return {
    tab: TABS.find(one => one === list) ?? "trucks",
    query: { find: of.get("find") ?? "", show: of.get("show") ?? "", waste: waste ? waste.split(",") : null },
  };
}

export function ofWaste({ waste }: Query, material: string | null | undefined): boolean {
  return !waste || waste.includes(material ?? "");
}

/** The gateway's name of each list as a file. */
const SHEETS: Record<Tab, string> = {
  trucks: "trucks",
  due: "due",
  changes: "plans",
  left: "left-out",
  orders: "orders",
  alerts: "alerts",
  sites: "facilities",
};
/** Choices by which only the page can tell rows: a file has them all. */
const OF_THE_PAGE = ["fresh"];
/** Of alerts, which the gateway keeps for ever, a file has those of so long at most. */
const ALERTS_MS = 31 * 86_400_000;

/** Where a list comes from as a file, with its filters. `now_ms` is city time. */
export function exportHref(of: Tab, form: "csv" | "geojson", asked: Query, now_ms: number): string {
  const given = new URLSearchParams();
  if (asked.find.trim()) given.set("find", asked.find.trim());
  const waste = (asked.waste ?? []).filter(one => (MATERIALS as readonly string[]).includes(one));
  if (waste.length && of !== "alerts" && of !== "sites") given.set("waste", waste.join(","));
  const chosen = of === "alerts" ? (asked.show || "open").replace("all", "") : asked.show;
  if (chosen && !OF_THE_PAGE.includes(chosen)) given.set("show", chosen);
  if (of === "alerts") {
    given.set("from_ms", String(now_ms - ALERTS_MS));
    given.set("to_ms", String(now_ms));
  }
  const text = given.toString();
  return `/api/v1/export/${SHEETS[of]}.${form}${text ? `?${text}` : ""}`;
}
