/**
 * The look of the base map. It asks for the layers that `services/city/basemap.py` makes (`roads` by `class`, `water`,
 * `green`, `buildings`, `rail`) and draws those an archive has; without an archive it is a plain ground.
 */

import type { ExpressionSpecification, LayerSpecification, SourceSpecification, StyleSpecification } from "maplibre-gl";

export type Theme = "day" | "night";

export interface Palette {
  ground: string;
  water: string;
  green: string;
  building: string;
  rail: string;
  roadEdge: string;
  road: string;
  roadMain: string;
  label: string;
  halo: string;
  ink: string;
  paper: string;
  accent: string;
  alarm: string;
  stale: string;
  material: Record<string, string>;
  fill: { unknown: string; steps: [number, string][] };
}

export const PALETTES: Record<Theme, Palette> = {
  day: {
    ground: "#eceeeb",
    water: "#c3d8e2",
    green: "#d8e5d2",
    building: "#e1e2de",
    rail: "#c9c9c9",
    roadEdge: "#d3d7d3",
    road: "#ffffff",
    roadMain: "#fdf6e3",
    label: "#6b766f",
    halo: "#f7f8f6",
    ink: "#17211d",
    paper: "#ffffff",
    accent: "#0b6b52",
    alarm: "#b5122b",
    stale: "#8b9490",
    material: { kitchen: "#1f7d47", construction: "#a85513", recyclable: "#1f5fbf", residual: "#5a6470" },
    fill: {
      unknown: "#9aa39e",
      steps: [
        [0, "#8ab8a3"],
        [0.5, "#d9ad2b"],
        [0.8, "#d3600d"],
        [0.95, "#a80f28"],
      ],
    },
  },
  night: {
    ground: "#141b18",
    water: "#1a2c38",
    green: "#18261c",
    building: "#1a211e",
    rail: "#333c38",
    roadEdge: "#0f1513",
    road: "#2b3531",
    roadMain: "#3b453f",
    label: "#8d9a93",
    halo: "#121816",
    ink: "#e4ebe7",
    paper: "#1d2622",
    accent: "#57c9a3",
    alarm: "#ff6b7f",
    stale: "#77827c",
    material: { kitchen: "#57bf85", construction: "#dd8f52", recyclable: "#76a7f5", residual: "#a3adb8" },
    fill: {
      unknown: "#6b746f",
      steps: [
        [0, "#4b7a67"],
        [0.5, "#d0a93a"],
        [0.8, "#f08a3c"],
        [0.95, "#ff5f74"],
      ],
    },
  },
};

const BASE = "base";
export const FONT = ["Noto Sans Regular"];
/** Fonts of this computer, for what we draw ourselves and for Chinese labels: no glyph server is asked. */
export const OWN_FONTS = `system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif`;

/** Width in pixels of a road class at zooms 10, 14 and 18. */
const ROAD_WIDTHS: Record<string, [number, number, number]> = {
  motorway: [1.6, 4.5, 16],
  primary: [1.2, 3.6, 14],
  secondary: [0.9, 3, 12],
  tertiary: [0.6, 2.2, 10],
  minor: [0.3, 1.2, 8],
  service: [0.2, 0.7, 5],
  path: [0.1, 0.5, 2],
};

function roadWidth(extra: number): ExpressionSpecification {
  const at = (zoom: 0 | 1 | 2): ExpressionSpecification =>
    [
      "match",
      ["get", "class"],
      ...Object.entries(ROAD_WIDTHS).flatMap(([name, widths]) => [name, widths[zoom] + extra]),
      0.5 + extra,
    ] as unknown as ExpressionSpecification;
  return ["interpolate", ["exponential", 1.5], ["zoom"], 10, at(0), 14, at(1), 18, at(2)];
}

const MAIN_ROADS: ExpressionSpecification = ["match", ["get", "class"], ["motorway", "primary"], true, false];

/** Every base layer we can draw, with the archive's layer it needs. */
function baseLayers(colours: Palette): LayerSpecification[] {
  const from = (layer: string) => ({ source: BASE, "source-layer": layer });
  return [
    { id: "green", type: "fill", ...from("green"), paint: { "fill-color": colours.green } },
    {
      id: "water",
      type: "fill",
      ...from("water"),
      filter: ["==", ["geometry-type"], "Polygon"],
      paint: { "fill-color": colours.water },
    },
    {
      id: "rivers",
      type: "line",
      ...from("water"),
      filter: ["==", ["geometry-type"], "LineString"],
      paint: { "line-color": colours.water, "line-width": 1.5 },
    },
    { id: "buildings", type: "fill", ...from("buildings"), minzoom: 14, paint: { "fill-color": colours.building } },
    { id: "rail", type: "line", ...from("rail"), paint: { "line-color": colours.rail, "line-dasharray": [3, 2] } },
    {
      id: "road-edges",
      type: "line",
      ...from("roads"),
      minzoom: 12,
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": colours.roadEdge, "line-width": roadWidth(1) },
    },
    {
      id: "roads",
      type: "line",
      ...from("roads"),
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": ["case", MAIN_ROADS, colours.roadMain, colours.road], "line-width": roadWidth(0) },
    },
    {
      id: "road-names",
      type: "symbol",
      ...from("roads"),
      minzoom: 14,
      filter: ["has", "name"],
      layout: {
        "symbol-placement": "line",
        "symbol-spacing": 320,
        "text-field": ["get", "name"],
        "text-font": FONT,
        "text-size": 11,
      },
      paint: { "text-color": colours.label, "text-halo-color": colours.halo, "text-halo-width": 1.5 },
    },
  ];
}

export interface Archive {
  url: string;
  /** Names of the layers in it. */
  layers: ReadonlySet<string>;
}

/** The whole style: ground, base map and our own sources and layers on top. */
export function mapStyle(
  theme: Theme,
  archive: Archive | null,
  own: { sources: Record<string, SourceSpecification>; layers: LayerSpecification[] },
): StyleSpecification {
  const colours = PALETTES[theme];
  const ground: LayerSpecification = {
    id: "ground",
    type: "background",
    paint: { "background-color": colours.ground },
  };
  const base = archive
    ? baseLayers(colours).filter(layer => "source-layer" in layer && archive.layers.has(layer["source-layer"] ?? ""))
    : [];
  return {
    version: 8,
    sources: {
      ...(archive ? { [BASE]: { type: "vector", url: `pmtiles://${archive.url}` } } : {}),
      ...own.sources,
    },
    layers: [ground, ...base, ...own.layers],
    // what changes its look does so with the next picture, not over twenty
    transition: { duration: 0, delay: 0 },
  };
}
