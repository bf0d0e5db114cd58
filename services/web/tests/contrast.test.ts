import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { PALETTES } from "../src/map/style.ts";

const TOKENS = readFileSync(resolve(import.meta.dirname, "../src/styles/tokens.css"), "utf8");
const [DAY = "", NIGHT = "", SUN = ""] = TOKENS.split(/:root\[data-theme="\w+"\]/);
const coloursOf = (text: string) =>
  Object.fromEntries([...text.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(one => [one[1], one[2]]));
const THEMES: Record<string, Record<string, string | undefined>> = {
  day: coloursOf(DAY),
  night: { ...coloursOf(DAY), ...coloursOf(NIGHT) },
  sun: { ...coloursOf(DAY), ...coloursOf(SUN) },
};
/** WCAG 2.2 AA; in the sun the driver's page has the 7:1 of AAA. */
const LEAST: Record<string, number> = { day: 4.5, night: 4.5, sun: 7 };

const GROUNDS = ["page", "surface", "raised", "sunken", "accent-soft", "critical-soft", "medium-soft"];
const SEVERITIES = ["critical", "high", "medium", "low", "good"];
const MATERIALS = ["kitchen", "construction", "recyclable", "residual"];
/** What is written in which colour on which ground. */
const TEXTS: [ink: string, ground: string][] = [
  ...GROUNDS.flatMap((ground): [string, string][] => [
    ["ink", ground],
    ["ink-soft", ground],
  ]),
  ...SEVERITIES.map((one): [string, string] => [one, `${one}-soft`]),
  ...["critical", "high", "good"].flatMap(one =>
    ["surface", "raised", "sunken"].map((ground): [string, string] => [one, ground]),
  ),
  ...[...MATERIALS, "ink", "ink-soft"].map((ground): [string, string] => ["surface", ground]),
  ["accent-ink", "accent"],
];
/** Edges and rings by which one knows where to press or what is chosen. */
const PARTS = ["line-strong", "focus", "accent", "high", "critical"];

/** Relative luminance, WCAG 2.2. */
function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map(at => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
    .map(part => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

describe.each(["day", "night", "sun"] as const)("the colours by %s", theme => {
  const colour = (name: string) => THEMES[theme]?.[name] ?? `no colour ${name}`;

  test("of text stand out from each ground it stands on", () => {
    const low = TEXTS.filter(([ink, ground]) => !(contrast(colour(ink), colour(ground)) >= (LEAST[theme] ?? 21)));
    expect(low).toEqual([]);
  });

  test("of edges, rings and bars have 3:1", () => {
    const low = PARTS.flatMap(part => ["page", "surface", "sunken"].map(ground => [part, ground] as const)).filter(
      ([part, ground]) => !(contrast(colour(part), colour(ground)) >= 3),
    );
    expect(low).toEqual([]);
  });

  test.skipIf(theme === "sun")("of waste are one on the map and in the lists", () => {
    for (const material of MATERIALS)
      expect(PALETTES[theme === "night" ? "night" : "day"].material[material]).toBe(colour(material));
    expect([
      PALETTES[theme === "night" ? "night" : "day"].ink,
      PALETTES[theme === "night" ? "night" : "day"].accent,
    ]).toEqual([colour("ink"), colour("accent")]);
  });
});
