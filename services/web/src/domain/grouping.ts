/**
 * Which alerts belong together. Of one truck: those of one load, or near in time and place, are one story. Of what is left:
 * those of one rule at one place within a week are a place that comes again. Pure.
 */

import type { Alert, LonLat } from "../contract.ts";
import { distanceM, positions } from "./places.ts";

/** Assumptions, to be tried on a city's own alerts. */
export const SAME_LOAD_MS = 2 * 3_600_000;
export const SAME_STORY_MS = 30 * 60_000;
export const SAME_STORY_M = 1_000;
export const SAME_PLACE_MS = 7 * 86_400_000;
export const SAME_PLACE_M = 100;

export interface Group {
  /** Of its first row: it stays while the rows stay. */
  id: string;
  ids: string[];
  /** Why they belong together; null = it is alone. */
  why: "truck" | "place" | null;
}

/** The groups of alerts, in the order of their first members; members in the order given. */
export function grouped(alerts: readonly Alert[]): Group[] {
  const stories = storiesOf(alerts);
  const size = new Map<string, number>();
  for (const story of stories.values()) size.set(story, (size.get(story) ?? 0) + 1);
  const alone = alerts.filter(one => (size.get(stories.get(one.alert_id) ?? "") ?? 1) < 2);
  const places = placesOf(alone);
  const groups = new Map<string, Group>();
  for (const { alert_id } of alerts) {
    const story = stories.get(alert_id);
    const inStory = story !== undefined && (size.get(story) ?? 0) > 1;
    const key = inStory ? `truck ${story}` : `place ${places.get(alert_id) ?? alert_id}`;
    const group = groups.get(key);
    if (group) group.ids.push(alert_id);
    else groups.set(key, { id: alert_id, ids: [alert_id], why: inStory ? "truck" : "place" });
  }
  return [...groups.values()].map(group => (group.ids.length > 1 ? group : { ...group, why: null }));
}

const firstPlace = (alert: Alert): LonLat | null => {
  const [lon, lat] = positions(alert.where)[0] ?? [];
  return lon === undefined || lat === undefined ? null : [lon, lat];
};

const DEGREE_M = 111_195;

/** Of latitude first: it costs nothing, and most places are far. */
const near = (a: LonLat | null, b: LonLat | null, most_m: number): boolean =>
  a !== null && b !== null && Math.abs(a[1] - b[1]) * DEGREE_M <= most_m && distanceM(a, b) <= most_m;

function oneStory(before: Alert, after: Alert): boolean {
  const apart_ms = after.start_ms - (before.end_ms ?? before.start_ms);
  if (before.ticket_id && before.ticket_id === after.ticket_id) return apart_ms <= SAME_LOAD_MS;
  return apart_ms <= SAME_STORY_MS && near(firstPlace(before), firstPlace(after), SAME_STORY_M);
}

/** Of each alert with a truck, the first alert of its story. */
function storiesOf(alerts: readonly Alert[]): Map<string, string> {
  const story = new Map<string, string>();
  const newest = new Map<string, Alert>();
  for (const alert of inTime(alerts)) {
    if (!alert.truck_id) continue;
    const before = newest.get(alert.truck_id);
    const joins = before !== undefined && oneStory(before, alert);
    story.set(alert.alert_id, (joins && story.get(before.alert_id)) || alert.alert_id);
    newest.set(alert.truck_id, alert);
  }
  return story;
}

/** Twice as wide as what is near: within a degree of latitude cells may be some percent narrower, and neighbours still suffice. */
const CELL_DEG = (2 * SAME_PLACE_M) / DEGREE_M;
const AROUND = [-1, 0, 1];

function cellOf([lon, lat]: LonLat): [column: number, row: number] {
  const narrow = Math.cos((Math.floor(lat) * Math.PI) / 180);
  return [Math.floor((lon * narrow) / CELL_DEG), Math.floor(lat / CELL_DEG)];
}

/** Of each alert with a place, the first of its rule at that place. The first is what all are near to: places do not creep. */
function placesOf(alerts: readonly Alert[]): Map<string, string> {
  const place = new Map<string, string>();
  const anchors = new Map<string, { alert: Alert; at: LonLat }[]>();
  for (const alert of inTime(alerts)) {
    const at = firstPlace(alert);
    if (!at) continue;
    const [column, row] = cellOf(at);
    const found = AROUND.flatMap(x =>
      AROUND.flatMap(y => anchors.get(`${alert.rule} ${column + x} ${row + y}`) ?? []),
    ).find(one => alert.start_ms - one.alert.start_ms <= SAME_PLACE_MS && near(one.at, at, SAME_PLACE_M));
    if (!found) {
      const key = `${alert.rule} ${column} ${row}`;
      anchors.set(key, [...(anchors.get(key) ?? []), { alert, at }]);
    }
    place.set(alert.alert_id, (found?.alert ?? alert).alert_id);
  }
  return place;
}

const inTime = (alerts: readonly Alert[]): Alert[] =>
  [...alerts].sort((a, b) => a.start_ms - b.start_ms || (a.alert_id < b.alert_id ? -1 : 1));
