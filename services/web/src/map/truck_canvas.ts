/**
 * Trucks on a canvas of their own above the map. They move several times a second, the map below stays as it was drawn
 * until somebody moves it: a thousand icons take a few milliseconds, a city's map half a second where no graphics card helps.
 */

import type { LonLat } from "../contract.ts";
import { drawIcon, SCALE } from "./icons.ts";
import { type Label, labelsThatFit } from "./labels.ts";
import { OWN_FONTS, PALETTES, type Theme } from "./style.ts";

/** How a truck looks, but for its place. Names of pictures are those of `icons.ts`. */
export interface TruckLook {
  icon: string;
  /** "" = it stands, or nobody knows where it is heading. */
  heading: string;
  turn_deg: number;
  label: string;
  down: boolean;
  /** What is drawn later lies above. */
  order: number;
  /** Its label is shown however far one looks from. */
  always: boolean;
}

export interface TruckAt {
  id: string;
  place: LonLat;
  look: TruckLook;
}

/** From here on every truck has its label. */
const LABELS_FROM_ZOOM = 13.5;
const LABEL_PX = 11;
const LABEL_FONT = `${LABEL_PX}px ${OWN_FONTS}`;
const LINE_PX = LABEL_PX * 1.2;
/** From a truck's middle to the top of its label. */
const LABEL_BELOW_PX = LABEL_PX * 1.7;
/** A finger's or a mouse's place may be so far beside the icon. */
const NEAR_PX = 5;
const ICON_RADIUS_PX = 16.5;

/** What the map's view is: where a place lies on it, in CSS pixels. */
export interface View {
  width_px: number;
  height_px: number;
  zoom: number;
  project: (place: LonLat) => { x: number; y: number };
}

interface Spot {
  id: string;
  x: number;
  y: number;
  look: TruckLook;
}

export class TruckCanvas {
  readonly #canvas = document.createElement("canvas");
  readonly #brush: CanvasRenderingContext2D | null;
  readonly #inMemory: boolean;
  readonly #pictures = new Map<string, HTMLCanvasElement | null>();
  #theme: Theme;
  /** As they were drawn last, the uppermost last. */
  #spots: Spot[] = [];
  #size = 1;

  /** `inMemory`: drawn by the page itself, not by the graphics: where these are software, that is half the work. */
  constructor(above: HTMLElement, theme: Theme, inMemory: boolean) {
    this.#theme = theme;
    this.#inMemory = inMemory;
    this.#brush = this.#canvas.getContext("2d", { willReadFrequently: inMemory });
    this.#canvas.className = "map-trucks";
    above.append(this.#canvas);
  }

  setTheme(theme: Theme): void {
    this.#theme = theme;
    this.#pictures.clear();
  }

  draw(trucks: Iterable<TruckAt>, view: View): void {
    const brush = this.#brush;
    if (!brush) return;
    this.#fit(view);
    brush.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    brush.clearRect(0, 0, view.width_px, view.height_px);
    this.#size = sizeAt(view.zoom);
    this.#spots = spotsIn(trucks, view);
    for (const { look, x, y } of this.#spots) if (look.down) this.#picture("alarm", x, y, 1, 0);
    for (const { look, x, y } of this.#spots)
      if (look.heading) this.#picture(look.heading, x, y, this.#size, look.turn_deg);
    for (const { look, x, y } of this.#spots) this.#picture(look.icon, x, y, this.#size, 0);
    this.#labels(brush, view.zoom);
  }

  /** How many were in view when they were drawn last. */
  get count(): number {
    return this.#spots.length;
  }

  /** The truck whose icon is at a place of the view, or so near that it must be meant; the uppermost of several. */
  at(x: number, y: number): string | null {
    const reach_px = ICON_RADIUS_PX * this.#size + NEAR_PX;
    return this.#spots.findLast(spot => Math.hypot(spot.x - x, spot.y - y) <= reach_px)?.id ?? null;
  }

  #fit({ width_px, height_px }: View): void {
    const [width, height] = [Math.round(width_px * devicePixelRatio), Math.round(height_px * devicePixelRatio)];
    if (this.#canvas.width === width && this.#canvas.height === height) return;
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#canvas.style.width = `${width_px}px`;
    this.#canvas.style.height = `${height_px}px`;
  }

  #picture(name: string, x: number, y: number, size: number, turn_deg: number): void {
    const [brush, picture] = [this.#brush, this.#pictureOf(name)];
    if (!brush || !picture) return;
    const side_px = (picture.width / SCALE) * size;
    if (!turn_deg) {
      brush.drawImage(picture, x - side_px / 2, y - side_px / 2, side_px, side_px);
      return;
    }
    brush.save();
    brush.translate(x, y);
    brush.rotate((turn_deg * Math.PI) / 180);
    brush.drawImage(picture, -side_px / 2, -side_px / 2, side_px, side_px);
    brush.restore();
  }

  #pictureOf(name: string): HTMLCanvasElement | null {
    const known = this.#pictures.get(name);
    if (known !== undefined) return known;
    const pixels = drawIcon(name, this.#theme);
    const made = pixels && canvasOf(pixels, this.#inMemory);
    this.#pictures.set(name, made);
    return made;
  }

  #labels(brush: CanvasRenderingContext2D, zoom: number): void {
    const { ink, halo } = PALETTES[this.#theme];
    brush.font = LABEL_FONT;
    brush.textAlign = "center";
    brush.textBaseline = "top";
    brush.lineJoin = "round";
    brush.lineWidth = 3;
    brush.strokeStyle = halo;
    brush.fillStyle = ink;
    const wanted = this.#spots.filter(spot => spot.look.label && (spot.look.always || zoom >= LABELS_FROM_ZOOM));
    // the uppermost first: what lies above has the label where there is room for one
    const labels = wanted.reverse().map(({ x, y, look }): Label => {
      const lines = look.label.split("\n");
      const width_px = Math.max(...lines.map(line => brush.measureText(line).width));
      return { lines, x, y: y + LABEL_BELOW_PX * this.#size, width_px, height_px: lines.length * LINE_PX };
    });
    for (const { lines, x, y } of labelsThatFit(labels)) {
      for (const [number, line] of lines.entries()) {
        brush.strokeText(line, x, y + number * LINE_PX);
        brush.fillText(line, x, y + number * LINE_PX);
      }
    }
  }
}

/** Those that are in view, the uppermost last. */
function spotsIn(trucks: Iterable<TruckAt>, { width_px, height_px, project }: View): Spot[] {
  const spots: Spot[] = [];
  const rim_px = 40;
  for (const { id, place, look } of trucks) {
    const { x, y } = project(place);
    if (x > -rim_px && y > -rim_px && x < width_px + rim_px && y < height_px + rim_px) spots.push({ id, x, y, look });
  }
  return spots.sort((one, other) => one.look.order - other.look.order);
}

/** How large an icon is at a zoom, of its whole size: whole from 15 on, smaller from afar. */
export function sizeAt(zoom: number): number {
  if (zoom < 13) return between(0.6, 0.85, (zoom - 10) / 3);
  return between(0.85, 1, (zoom - 13) / 2);
}

const between = (low: number, high: number, share: number): number =>
  low + Math.min(1, Math.max(0, share)) * (high - low);

/** A picture is where the canvas is that it is drawn on: else it is fetched each time. */
function canvasOf(pixels: ImageData, inMemory: boolean): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = pixels.width;
  canvas.height = pixels.height;
  canvas.getContext("2d", { willReadFrequently: inMemory })?.putImageData(pixels, 0, 0);
  return canvas;
}
