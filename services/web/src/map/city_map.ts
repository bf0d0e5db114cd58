/**
 * The city on the screen: base map, bins, sites, one route, trucks. Bins change by feature state; trucks have a canvas of
 * their own above the map (`truck_canvas.ts`), which is not drawn anew because they move.
 */

import type { Feature, FeatureCollection, Geometry, Position } from "geojson";
import {
  addProtocol,
  type GeoJSONSource,
  Map as GlMap,
  type LayerSpecification,
  type MapMouseEvent,
  NavigationControl,
  type SourceSpecification,
  type StyleSpecification,
  setWorkerUrl,
} from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import "maplibre-gl/dist/maplibre-gl.css";
import { PMTiles, Protocol } from "pmtiles";
import type { Asset, Bin, City, Facility, LonLat, Truck } from "../contract.ts";
import { boundsOf, positions } from "../domain/places.ts";
import { hasPlace, isStale, loadShare } from "../domain/trucks.ts";
import { words } from "../words/index.ts";
import { type Patience, WhenCalm } from "./calm.ts";
import { Glide } from "./glide.ts";
import { isSoftware, pictureOn } from "./graphics.ts";
import { drawIcon, SCALE } from "./icons.ts";
import { Pace } from "./pace.ts";
import { type Archive, FONT, mapStyle, OWN_FONTS, PALETTES, type Theme } from "./style.ts";
import { type TruckAt, TruckCanvas, type TruckLook } from "./truck_canvas.ts";

setWorkerUrl(workerUrl);
const protocol = new Protocol();
addProtocol("pmtiles", protocol.tile);

export type Pick = { kind: "truck" | "bin" | "facility"; id: string };

export interface DrawnTruck {
  truck: Truck;
  material: string;
  letter: string;
  label: string;
  /** "3 min" when the position is old, else "". */
  age: string;
}

interface DrawnBin {
  place: LonLat;
  material: string;
  fill: number | null;
  due: boolean;
}

export interface DrawnStop {
  place: LonLat;
  number: string;
}

const SOURCES = ["heat", "track", "route", "stops", "due", "bins", "sites", "mark"] as const;
type SourceName = (typeof SOURCES)[number];

const NONE: FeatureCollection = { type: "FeatureCollection", features: [] };
/** Between two pictures of moving trucks. On a slow computer it grows, so that the page stays quick. */
const FRAME_MS = { least: 66, most: 1_000 } as const;

/** Where a picture of the map takes longer, an eased way would be two or three of them. */
const SLOW_MS = 150;

/** Bins that changed are coloured together: for each colouring the whole city is drawn anew. */
const COLOURED: Patience = { least_ms: 2_000, calm_ms: 1_000, most_ms: 15_000 };

const point = (place: LonLat | Position, properties: Record<string, unknown>, id?: string): Feature => ({
  type: "Feature",
  geometry: { type: "Point", coordinates: place },
  properties: id === undefined ? properties : { ...properties, id },
});

const collection = (features: Feature[]): FeatureCollection => ({ type: "FeatureCollection", features });

/** What the base map's archive holds; null when there is none or it cannot be read. */
async function openArchive(url: string | null): Promise<Archive | null> {
  if (!url) return null;
  const address = new URL(url, location.href).href;
  const archive = new PMTiles(address);
  protocol.add(archive);
  try {
    const metadata = (await archive.getMetadata()) as { vector_layers?: { id: string }[] };
    return { url: address, layers: new Set((metadata.vector_layers ?? []).map(layer => layer.id)) };
  } catch {
    return null;
  }
}

export class CityMap {
  readonly gl: GlMap;
  #theme: Theme;
  #archive: Archive | null = null;
  #ready = false;
  readonly #data = new Map<SourceName, FeatureCollection>();
  readonly #bins = new Map<string, DrawnBin>();
  readonly #uncoloured = new Set<string>();
  #dueChanged = false;
  readonly #colouring = new WhenCalm(() => this.#colour(), COLOURED);
  /** What is drawn of each truck, but its place: worked out when something is heard, not with every picture. */
  readonly #trucks = new Map<string, TruckLook>();
  readonly #canvas: TruckCanvas;
  readonly #pace: Pace;
  readonly #glide = new Glide();
  readonly #still: boolean;
  #frame = 0;
  #lastFrame_ms = 0;
  #frameGap_ms: number = FRAME_MS.least;
  #dirty = false;
  #follow: string | null = null;

  constructor(container: HTMLElement, city: City, theme: Theme, onPick: (pick: Pick | null) => void) {
    this.#theme = theme;
    this.#still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.gl = new GlMap({
      container,
      style: this.#style(null),
      bounds: city.bounds,
      fitBoundsOptions: { padding: 24 },
      attributionControl: false,
      maxPitch: 0,
      dragRotate: false,
      pitchWithRotate: false,
      fadeDuration: 0,
      locale: {
        "Map.Title": words.value.map.label,
        "NavigationControl.ZoomIn": words.value.map.zoomIn,
        "NavigationControl.ZoomOut": words.value.map.zoomOut,
      },
      localIdeographFontFamily: OWN_FONTS,
    });
    this.#canvas = new TruckCanvas(this.gl.getCanvasContainer(), theme, isSoftware(this.gl.getCanvas()));
    this.#pace = new Pace(this.gl.triggerRepaint.bind(this.gl));
    this.gl.triggerRepaint = () => this.#pace.want();
    this.gl.on("render", () => {
      this.#pace.handed(pictureOn(this.gl.getCanvas()));
      this.#drawnView = this.#view();
      // with each picture of the map, so that trucks and streets move as one
      this.#drawTrucks(performance.now());
    });
    this.gl.touchZoomRotate.disableRotation();
    this.gl.addControl(new NavigationControl({ showCompass: false }), "top-left");
    this.gl.setMissingStyleImageResolver(name => this.#addIcon(name));
    this.gl.on("click", event => onPick(this.#pickAt(event)));
    this.gl.on("mousemove", event => {
      this.gl.getCanvas().style.cursor = this.#pickAt(event) ? "pointer" : "";
    });
    // a hand on the map pauses following
    this.gl.on("dragstart", () => this.follow(null));
    this.gl.on("style.load", () => this.#fillAgain());
    void this.#open(city);
  }

  async #open(city: City): Promise<void> {
    this.#archive = await openArchive(city.base_map);
    this.#addBase();
  }

  /** Trucks are drawn at once; the streets slide under them when the archive has answered. */
  #addBase(): void {
    if (!this.#archive || !this.#ready || this.gl.getSource("base")) return;
    const { sources, layers } = mapStyle(this.#theme, this.#archive, { sources: {}, layers: [] });
    for (const [name, source] of Object.entries(sources)) this.gl.addSource(name, source);
    for (const layer of layers) if (layer.id !== "ground") this.gl.addLayer(layer, "heat");
  }

  setTheme(theme: Theme): void {
    if (theme === this.#theme) return;
    this.#theme = theme;
    this.#canvas.setTheme(theme);
    this.#restyle();
  }

  #restyle(): void {
    this.#ready = this.#dimmed = false;
    this.gl.setStyle(this.#style(this.#archive), { diff: false });
  }

  #style(archive: Archive | null): StyleSpecification {
    const sources: Record<string, SourceSpecification> = {};
    for (const name of SOURCES)
      sources[name] = { type: "geojson", data: NONE, ...(name === "bins" ? { promoteId: "id", maxzoom: 14 } : {}) };
    return mapStyle(this.#theme, archive, { sources, layers: ownLayers(this.#theme) });
  }

  #fillAgain(): void {
    if (!this.gl.getSource("bins")) return;
    this.#ready = true;
    this.#addBase();
    this.showBins(this.#shown);
    for (const name of SOURCES) this.#source(name)?.setData(this.#data.get(name) ?? NONE);
    this.#colour(this.#bins.keys());
    this.#dim();
  }

  #source(name: SourceName): GeoJSONSource | undefined {
    return this.#ready ? this.gl.getSource<GeoJSONSource>(name) : undefined;
  }

  #set(name: SourceName, features: Feature[]): void {
    const data = collection(features);
    this.#data.set(name, data);
    this.#source(name)?.setData(data);
  }

  #addIcon(name: string): void {
    const image = drawIcon(name, this.#theme);
    if (image && !this.gl.hasImage(name)) this.gl.addImage(name, image, { pixelRatio: SCALE });
  }

  #pickAt({ point: at }: MapMouseEvent): Pick | null {
    const truck_id = this.#canvas.at(at.x, at.y);
    if (truck_id !== null) return { kind: "truck", id: truck_id };
    if (!this.#ready) return null;
    const around: [[number, number], [number, number]] = [
      [at.x - 5, at.y - 5],
      [at.x + 5, at.y + 5],
    ];
    const found = this.gl.queryRenderedFeatures(around, { layers: ["sites", "bins"] });
    const best = found.find(one => one.layer.id === "sites") ?? found[0];
    if (!best) return null;
    const id = String(best.properties?.id ?? "");
    return best.layer.id === "bins" ? { kind: "bin", id } : { kind: "facility", id };
  }

  // -------------------------------------------------------------------------------------------------------- bins

  /** All bins anew. */
  setBins(bins: Iterable<Bin>, isDue: (bin_id: string) => boolean): void {
    this.#bins.clear();
    for (const { bin_id, lon, lat, material, fill } of bins)
      this.#bins.set(bin_id, { place: [lon, lat], material: material ?? "", fill, due: isDue(bin_id) });
    this.#set(
      "bins",
      [...this.#bins].map(([id, { place, material }]) => point(place, { material }, id)),
    );
    this.#dueChanged = true;
    if (this.#ready) this.gl.removeFeatureState({ source: "bins" });
    this.#colour(this.#bins.keys());
  }

  #colour(ids: Iterable<string> = this.#uncoloured): void {
    if (this.#ready)
      for (const id of ids) this.gl.setFeatureState({ source: "bins", id }, { fill: this.#bins.get(id)?.fill ?? null });
    if (this.#dueChanged) this.#ringDue();
    this.#uncoloured.clear();
    this.#colouring.forget();
  }

  /** Few of all bins are due: their rings are points of their own, so that not every bin is drawn twice. */
  #ringDue(): void {
    this.#dueChanged = false;
    const due = [...this.#bins.values()].filter(one => one.due);
    this.#set(
      "due",
      due.map(({ place, material }) => point(place, { material })),
    );
  }

  /** One bin's fill or need changed: seen within seconds. False: a bin not on the map yet. */
  updateBin(bin: Bin, due: boolean): boolean {
    const known = this.#bins.get(bin.bin_id);
    if (!known) return false;
    if (known.fill === bin.fill && known.due === due) return true;
    if (known.due !== due) this.#dueChanged = true;
    this.#bins.set(bin.bin_id, { ...known, fill: bin.fill, due });
    this.#uncoloured.add(bin.bin_id);
    this.#colouring.ask();
    return true;
  }

  /** Only these kinds of waste; null = all; empty = no bins. */
  showBins(materials: string[] | null): void {
    this.#shown = materials;
    if (!this.#ready) return;
    for (const layer of ["bins", "bins-due"])
      this.gl.setFilter(layer, materials ? ["in", ["get", "material"], ["literal", materials]] : null);
  }
  #shown: string[] | null = null;

  // ------------------------------------------------------------------------------------------------------- sites

  setSites(
    facilities: Facility[],
    depots: Asset[],
    letters: (site: Facility) => string,
    label: (site: Facility) => string,
    depotLetter: string,
    closed: ReadonlySet<string>,
  ): void {
    const sites = facilities.flatMap(site => {
      if (site.lon === null || site.lon === undefined || site.lat === null || site.lat === undefined) return [];
      const state = closed.has(site.id) ? "closed" : "open";
      const icon = `site/${letters(site)}/${state}/${Math.min(99, site.queue ?? 0)}`;
      return [point([site.lon, site.lat], { icon, label: label(site), depot: false }, site.id)];
    });
    const homes = depots.flatMap(depot =>
      depot.lon === null || depot.lon === undefined || depot.lat === null || depot.lat === undefined
        ? []
        : [
            point(
              [depot.lon, depot.lat],
              { icon: `depot/${depotLetter}`, label: depot.name ?? depot.id, depot: true },
              depot.id,
            ),
          ],
    );
    this.#set("sites", [...homes, ...sites]);
  }

  // ------------------------------------------------------------------------------------------------------ trucks

  /** Every truck that has a place, as it is now. */
  setTrucks(trucks: DrawnTruck[], chosen: string | null, now_ms: number, rate: number): void {
    const wall_ms = performance.now();
    const present = new Set<string>();
    for (const drawn of trucks) {
      const { truck } = drawn;
      if (!hasPlace(truck)) continue;
      present.add(truck.truck_id);
      this.#trucks.set(truck.truck_id, lookOf(drawn, truck.truck_id === chosen, now_ms));
      this.#glide.moveTo(
        truck.truck_id,
        [truck.lon, truck.lat],
        truck.event_time_ms ?? 0,
        wall_ms,
        this.#still ? Number.POSITIVE_INFINITY : rate,
      );
    }
    for (const id of this.#trucks.keys()) {
      if (present.has(id)) continue;
      this.#trucks.delete(id);
      this.#glide.forget(id);
    }
    this.#wantsDim = chosen !== null;
    this.#dim();
    this.#dirty = true;
    this.#animate();
  }
  #wantsDim = false;
  #dimmed = false;

  /** While one truck is looked at, the bins step back. */
  #dim(): void {
    const dimmed = this.#wantsDim;
    if (this.#dimmed === dimmed || !this.#ready) return;
    this.#dimmed = dimmed;
    this.gl.setPaintProperty("bins", "circle-opacity", dimmed ? DIMMED.bins : CLEAR.bins);
    this.gl.setPaintProperty("bins-due", "circle-stroke-opacity", dimmed ? DIMMED.due : CLEAR.due);
  }

  /** How many trucks are drawn. */
  get truckCount(): number {
    return this.#trucks.size;
  }

  #animate(): void {
    if (this.#frame) return;
    const asked_ms = performance.now();
    this.#frame = requestAnimationFrame(at_ms => {
      this.#frame = 0;
      this.#learnPace(performance.now() - asked_ms);
      this.#draw(at_ms);
    });
  }

  #draw(at_ms: number): void {
    const moving = this.#glide.moving(at_ms);
    const waited_ms = at_ms - this.#lastFrame_ms;
    if (waited_ms >= this.#frameGap_ms) {
      this.#lastFrame_ms = at_ms;
      // where the streets of a new view are still to be drawn, trucks come with them
      if (this.#drawnView === "" || this.#drawnView === this.#view()) {
        this.#dirty = false;
        this.#drawTrucks(at_ms);
      }
      this.#followOn(at_ms);
    }
    if (moving || this.#dirty) this.#animate();
  }

  /** What the map looks at, as text. */
  #view(): string {
    const { lng, lat } = this.gl.getCenter();
    return `${lng} ${lat} ${this.gl.getZoom()}`;
  }
  /** … when its last picture was drawn; "" = there was none. */
  #drawnView = "";

  #drawTrucks(at_ms: number): void {
    const { clientWidth: width_px, clientHeight: height_px } = this.gl.getContainer();
    const project = (place: LonLat) => this.gl.project(place);
    this.#canvas.draw(this.#trucksAt(at_ms), { width_px, height_px, zoom: this.gl.getZoom(), project });
    this.onTrucksDrawn?.();
  }
  /** For whoever measures: called after each picture of the trucks. */
  onTrucksDrawn: (() => void) | null = null;

  /** How many trucks the last picture had in view. */
  get trucksInView(): number {
    return this.#canvas.count;
  }

  /** Where a truck is drawn now; null = it is not. */
  truckPlace(truck_id: string): LonLat | null {
    return this.#trucks.has(truck_id) ? this.#glide.at(truck_id, performance.now()) : null;
  }

  /** Drawing may take a quarter of the time, not more: where the browser's frames come slowly, trucks move less often. */
  #learnPace(frame_ms: number): void {
    const wanted_ms = Math.min(FRAME_MS.most, Math.max(FRAME_MS.least, frame_ms * 4));
    this.#frameGap_ms += (wanted_ms - this.#frameGap_ms) * 0.1;
  }

  *#trucksAt(at_ms: number): Generator<TruckAt> {
    for (const [id, look] of this.#trucks) {
      const place = this.#glide.at(id, at_ms);
      if (place) yield { id, place, look };
    }
  }

  // ------------------------------------------------------------------------------- route, track, mark

  setRoute(path: Geometry | null, colour: string, stops: DrawnStop[]): void {
    this.#set("route", path ? [{ type: "Feature", geometry: path, properties: { colour } }] : []);
    this.#set(
      "stops",
      stops.map(stop => point(stop.place, { number: stop.number, colour })),
    );
  }

  setTrack(places: LonLat[]): void {
    this.#set(
      "track",
      places.length > 1
        ? [{ type: "Feature", geometry: { type: "LineString", coordinates: places }, properties: {} }]
        : [],
    );
  }

  /** Where something comes again and again, and how often; none = nothing is drawn. */
  setHeat(places: { place: LonLat; count: number }[]): void {
    const most = Math.max(1, ...places.map(one => one.count));
    this.#set(
      "heat",
      places.map(({ place, count }) => point(place, { weight: count / most, count: String(count) })),
    );
  }

  /** Where an alert is, a place or a stretch; or, `as` "chosen", what somebody looks at. */
  setMark(where: Geometry | null, as: "alarm" | "chosen" = "alarm"): void {
    this.#set("mark", where ? [{ type: "Feature", geometry: where, properties: { icon: as } }] : []);
  }

  // --------------------------------------------------------------------------------------------------- the view

  /** Keep this truck in the middle; null ends it. */
  follow(truck_id: string | null): void {
    this.#follow = truck_id;
    this.onFollow?.(truck_id);
    if (truck_id) this.#animate();
  }
  onFollow: ((truck_id: string | null) => void) | null = null;

  #followOn(at_ms: number): void {
    const place = this.#follow ? this.#glide.at(this.#follow, at_ms) : null;
    if (place) this.gl.jumpTo({ center: place });
  }

  showPlace(place: LonLat, zoom = 15): void {
    this.gl.easeTo({ center: place, zoom: Math.max(this.gl.getZoom(), zoom), duration: this.#wayThere_ms });
  }

  /** Half a second; no way at all for whoever wants none, or where its few pictures would only stand in the next one's way. */
  get #wayThere_ms(): number {
    return this.#still || this.#pace.takes_ms > SLOW_MS ? 0 : 500;
  }

  showAll(shapes: (Geometry | null | undefined)[], most = 16): void {
    this.showBounds(boundsOf(shapes.flatMap(positions)), most);
  }

  showBounds(bounds: [number, number, number, number] | null, most = 16): void {
    if (bounds) this.gl.fitBounds(bounds, { padding: 50, maxZoom: most, duration: this.#wayThere_ms });
  }

  remove(): void {
    cancelAnimationFrame(this.#frame);
    this.#colouring.end();
    this.#pace.end();
    this.gl.remove();
  }
}

function lookOf(drawn: DrawnTruck, chosen: boolean, now_ms: number): TruckLook {
  const { truck, material, letter } = drawn;
  const share = loadShare(truck);
  const load = share === null ? "u" : String(Math.min(10, Math.round(share * 10)));
  const stale = isStale(truck, now_ms);
  const state = truck.down ? "down" : stale ? "stale" : "ok";
  const driving = !stale && (truck.speed_mps ?? 0) > 0.5 && truck.heading_deg !== null;
  return {
    icon: `truck/${material}/${letter}/${load}/${state}/${chosen ? 1 : 0}`,
    heading: driving ? `heading/${material}` : "",
    turn_deg: truck.heading_deg ?? 0,
    label: drawn.age ? `${drawn.label}\n${drawn.age}` : drawn.label,
    down: truck.down !== null && truck.down !== undefined,
    order: truck.down ? 3 : chosen ? 2 : stale ? 0 : 1,
    // a truck at home that says nothing is no news; one on shift that says nothing is
    always: chosen || truck.down !== null || (stale && truck.shift !== null),
  };
}

/** A bin's fill, -1 = not known. */
const FILL = ["coalesce", ["feature-state", "fill"], -1] as const;

/** Opacity is the same for all bins: then another one costs nothing. What differs from bin to bin is worked out for each. */
const CLEAR = { bins: 0.95, due: 0.9 } as const;
const DIMMED = { bins: 0.35, due: 0.3 } as const;
/** Of a bin whose fill nobody knows: half, as the two last digits of a colour. */
const FAINT = "7a";

function ownLayers(theme: Theme): LayerSpecification[] {
  const colours = PALETTES[theme];
  const fill = FILL;
  const onTop = { "icon-allow-overlap": true, "icon-ignore-placement": true } as const;
  const halo = { "text-halo-color": colours.halo, "text-halo-width": 1.6 };
  return [
    {
      id: "heat",
      type: "heatmap",
      source: "heat",
      paint: {
        // a place with a single alert is still to be seen beside one with hundreds
        "heatmap-weight": ["sqrt", ["get", "weight"]],
        "heatmap-radius": ["interpolate", ["exponential", 2], ["zoom"], 10, 14, 13, 34, 16, 90],
        "heatmap-opacity": 0.75,
        "heatmap-color": [
          "interpolate",
          ["linear"],
          ["heatmap-density"],
          0,
          "rgba(0,0,0,0)",
          0.2,
          colours.fill.steps[1]?.[1] ?? colours.accent,
          0.6,
          colours.fill.steps[2]?.[1] ?? colours.accent,
          1,
          colours.alarm,
        ],
      },
    },
    {
      // the number beside the colour: it tells how often, colour alone does not
      id: "heat-counts",
      type: "symbol",
      source: "heat",
      minzoom: 12,
      layout: { "text-field": ["get", "count"], "text-font": FONT, "text-size": 12, "text-padding": 6 },
      paint: { "text-color": colours.ink, ...halo },
    },
    {
      id: "track",
      type: "line",
      source: "track",
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": colours.ink, "line-width": 2, "line-opacity": 0.55, "line-dasharray": [1, 1.6] },
    },
    {
      id: "route-edge",
      type: "line",
      source: "route",
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": colours.paper, "line-width": 8, "line-opacity": 0.9 },
    },
    {
      id: "route",
      type: "line",
      source: "route",
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": ["get", "colour"], "line-width": 4 },
    },
    {
      id: "bins-due",
      type: "circle",
      source: "due",
      paint: {
        "circle-radius": ["interpolate", ["linear"], ["zoom"], 11, 3, 14, 6.5, 17, 13],
        "circle-color": "rgba(0,0,0,0)",
        "circle-stroke-color": colours.ink,
        "circle-stroke-width": 1.4,
        "circle-stroke-opacity": CLEAR.due,
      },
    },
    {
      id: "bins",
      type: "circle",
      source: "bins",
      paint: {
        "circle-radius": [
          "interpolate",
          ["linear"],
          ["zoom"],
          11,
          ["+", 1, ["*", 1.2, ["max", 0, fill]]],
          14,
          ["+", 2, ["*", 2.8, ["max", 0, fill]]],
          17,
          ["+", 4, ["*", 6, ["max", 0, fill]]],
        ],
        "circle-color": ["step", fill, colours.fill.unknown + FAINT, ...colours.fill.steps.flat()] as unknown as string,
        "circle-opacity": CLEAR.bins,
      },
    },
    {
      id: "sites",
      type: "symbol",
      source: "sites",
      layout: {
        "icon-image": ["get", "icon"],
        // it stands above its place, so that trucks inside do not hide it
        "icon-anchor": "bottom",
        "icon-offset": [0, -8],
        ...onTop,
        "text-field": ["step", ["zoom"], "", 12.5, ["get", "label"]],
        "text-font": FONT,
        "text-size": 11,
        "text-offset": [0, 1.6],
        "text-anchor": "top",
        "text-optional": true,
      },
      paint: { "text-color": colours.ink, ...halo },
    },
    {
      id: "stops",
      type: "circle",
      source: "stops",
      paint: {
        "circle-radius": 9,
        "circle-color": colours.paper,
        "circle-stroke-color": ["get", "colour"],
        "circle-stroke-width": 2,
      },
    },
    {
      id: "stop-numbers",
      type: "symbol",
      source: "stops",
      layout: {
        "text-field": ["get", "number"],
        "text-font": FONT,
        "text-size": 11,
        "text-allow-overlap": true,
        "text-ignore-placement": true,
      },
      paint: { "text-color": colours.ink },
    },
    {
      id: "mark-line",
      type: "line",
      source: "mark",
      filter: ["!=", ["geometry-type"], "Point"],
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": colours.alarm, "line-width": 7, "line-opacity": 0.6 },
    },
    {
      id: "mark-point",
      type: "symbol",
      source: "mark",
      filter: ["==", ["geometry-type"], "Point"],
      layout: { "icon-image": ["get", "icon"], ...onTop },
    },
  ] as LayerSpecification[];
}
