/**
 * Pictures of trucks and places, drawn on a canvas when the map first asks for one. The name of a picture says all
 * that is in it, so equal trucks share one.
 *
 *   truck/<material>/<letter>/<load in tenths, or u>/<ok|stale|down>/<selected 0|1>
 *   heading/<material>      site/<letters>/<open|closed>/<trucks inside>      depot/<letter>      alarm      chosen
 */

import { OWN_FONTS, PALETTES, type Theme } from "./style.ts";

/** Device pixels of one drawn pixel: sharp on usual and dense screens alike. */
export const SCALE = 2;

const TURN = Math.PI * 2;
const TOP = -Math.PI / 2;

export function drawIcon(name: string, theme: Theme): ImageData | null {
  const [kind = "", ...rest] = name.split("/");
  const size = SIZES[kind];
  if (!size) return null;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size * SCALE;
  // it is read back at once: from graphics memory that waits for everything being drawn (a quarter of a large city's time)
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  if (!brush) return null;
  brush.scale(SCALE, SCALE);
  brush.translate(size / 2, size / 2);
  if (kind === "truck") truck(brush, theme, rest);
  if (kind === "heading") heading(brush, theme, rest[0] ?? "");
  if (kind === "site") site(brush, theme, rest);
  if (kind === "depot") depot(brush, theme, rest[0] ?? "");
  if (kind === "alarm") ring(brush, PALETTES[theme].alarm);
  if (kind === "chosen") ring(brush, PALETTES[theme].accent);
  return brush.getImageData(0, 0, canvas.width, canvas.height);
}

const SIZES: Record<string, number> = { truck: 40, heading: 52, site: 36, depot: 26, alarm: 60, chosen: 60 };

function truck(
  brush: CanvasRenderingContext2D,
  theme: Theme,
  [material = "", letter = "", load = "u", state = "ok", chosen = "0"]: string[],
): void {
  const colours = PALETTES[theme];
  const stale = state === "stale";
  const colour =
    state === "down" ? colours.alarm : stale ? colours.stale : (colours.material[material] ?? colours.stale);
  if (chosen === "1") disc(brush, 19, colours.accent);
  disc(brush, 16.5, colours.paper);
  loadRing(brush, load, colour, colours.stale, stale);
  shape(brush, material, 10.5);
  brush.fillStyle = stale ? colours.paper : colour;
  brush.fill();
  if (stale) {
    brush.setLineDash([2.5, 2]);
    brush.lineWidth = 1.6;
    brush.strokeStyle = colour;
    brush.stroke();
    brush.setLineDash([]);
  }
  text(brush, state === "down" ? "!" : letter, stale ? colour : colours.paper, 11);
}

/** How full it is, clockwise from the top; dots all round when nobody knows. */
function loadRing(brush: CanvasRenderingContext2D, load: string, colour: string, faint: string, stale: boolean): void {
  brush.lineWidth = 3;
  brush.globalAlpha = load === "u" ? 0.7 : 0.28;
  brush.strokeStyle = faint;
  if (load === "u") brush.setLineDash([1.5, 4]);
  circle(brush, 14);
  brush.stroke();
  brush.setLineDash([]);
  brush.globalAlpha = 1;
  if (load === "u" || load === "0") return;
  brush.strokeStyle = stale ? faint : colour;
  brush.beginPath();
  brush.arc(0, 0, 14, TOP, TOP + TURN * Math.min(1, Number(load) / 10));
  brush.stroke();
}

function heading(brush: CanvasRenderingContext2D, theme: Theme, material: string): void {
  const colours = PALETTES[theme];
  brush.beginPath();
  brush.moveTo(0, -25);
  brush.lineTo(6.5, -16);
  brush.lineTo(-6.5, -16);
  brush.closePath();
  brush.fillStyle = colours.material[material] ?? colours.stale;
  brush.strokeStyle = colours.paper;
  brush.lineWidth = 1.5;
  brush.fill();
  brush.stroke();
}

function site(
  brush: CanvasRenderingContext2D,
  theme: Theme,
  [letters = "", state = "open", inside = "0"]: string[],
): void {
  const colours = PALETTES[theme];
  const closed = state === "closed";
  brush.beginPath();
  brush.roundRect(-13, -13, 26, 26, 6);
  brush.fillStyle = closed ? colours.paper : colours.ink;
  brush.fill();
  brush.lineWidth = 1.5;
  brush.strokeStyle = closed ? colours.alarm : colours.paper;
  brush.stroke();
  text(brush, letters, closed ? colours.alarm : colours.paper, letters.length > 1 ? 11 : 13);
  if (closed) strikeOut(brush, colours.alarm);
  if (inside !== "0") badge(brush, inside, colours.accent, colours.paper);
}

function strikeOut(brush: CanvasRenderingContext2D, colour: string): void {
  brush.beginPath();
  brush.moveTo(-11, 11);
  brush.lineTo(11, -11);
  brush.strokeStyle = colour;
  brush.lineWidth = 2;
  brush.stroke();
}

/** A small figure at the upper right corner. */
function badge(brush: CanvasRenderingContext2D, figure: string, colour: string, ink: string): void {
  brush.save();
  brush.translate(10.5, -10.5);
  disc(brush, 7.5, ink);
  disc(brush, 6.5, colour);
  text(brush, figure, ink, 9);
  brush.restore();
}

function depot(brush: CanvasRenderingContext2D, theme: Theme, letter: string): void {
  const colours = PALETTES[theme];
  brush.beginPath();
  brush.moveTo(-10, 10);
  brush.lineTo(-10, -3);
  brush.lineTo(0, -11);
  brush.lineTo(10, -3);
  brush.lineTo(10, 10);
  brush.closePath();
  brush.fillStyle = colours.paper;
  brush.fill();
  brush.lineWidth = 1.6;
  brush.strokeStyle = colours.ink;
  brush.stroke();
  text(brush, letter, colours.ink, 10);
}

/** A ring around a place, so that the eye finds it. */
function ring(brush: CanvasRenderingContext2D, colour: string): void {
  brush.globalAlpha = 0.22;
  disc(brush, 29, colour);
  brush.globalAlpha = 1;
  brush.lineWidth = 2.5;
  brush.strokeStyle = colour;
  circle(brush, 27);
  brush.stroke();
}

/** Corners in degrees from the top; what has none is round. */
const CORNERS: Record<string, number[]> = {
  construction: [45, 135, 225, 315],
  recyclable: [0, 90, 180, 270],
  residual: [30, 90, 150, 210, 270, 330],
};

/** The shape of a kind of waste; the lists use the same. */
function shape(brush: CanvasRenderingContext2D, material: string, radius: number): void {
  const corners = CORNERS[material];
  if (corners) polygon(brush, corners, radius * (corners.length === 4 ? 1.13 : 1));
  else circle(brush, radius * 0.95);
}

function polygon(brush: CanvasRenderingContext2D, degrees: number[], radius: number): void {
  brush.beginPath();
  for (const degree of degrees) {
    const angle = (degree / 360) * TURN + TOP;
    brush.lineTo(Math.cos(angle) * radius, Math.sin(angle) * radius);
  }
  brush.closePath();
}

function circle(brush: CanvasRenderingContext2D, radius: number): void {
  brush.beginPath();
  brush.arc(0, 0, radius, 0, TURN);
}

function disc(brush: CanvasRenderingContext2D, radius: number, colour: string): void {
  circle(brush, radius);
  brush.fillStyle = colour;
  brush.fill();
}

function text(brush: CanvasRenderingContext2D, what: string, colour: string, px: number): void {
  brush.font = `700 ${px}px ${OWN_FONTS}`;
  brush.textAlign = "center";
  brush.textBaseline = "middle";
  brush.fillStyle = colour;
  brush.fillText(what, 0, 0.5);
}
