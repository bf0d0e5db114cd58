/**
 * What the gateway sends and takes, as types. Times are integer milliseconds since 1970 UTC in city time, places
 * WGS-84 `lon`, `lat` in that order, units are in the names. `null` or a missing member = not measured: unknown is
 * never "closed", "empty" or 0.
 */

import type { Geometry } from "geojson";

export const MATERIALS = ["kitchen", "construction", "recyclable", "residual"] as const;
export type Material = (typeof MATERIALS)[number];

export type Role = "dispatcher" | "driver" | "officer" | "manager" | "administrator";
export type TextPair = { zh: string; en: string };
export type LonLat = [lon: number, lat: number];

// ------------------------------------------------------------------------------------------------------- session

export interface User {
  user_id: string;
  login: string;
  name: string;
  role: Role;
  tenant_id: string;
  district_id: string | null;
  driver_id: string | null;
  truck_id: string | null;
}

export interface City {
  city: string;
  name: TextPair;
  time_zone: string;
  centre: LonLat;
  /** west, south, east, north */
  bounds: [number, number, number, number];
  attribution: string;
  /** Address of the PMTiles archive, or null: a plain background. */
  base_map: string | null;
}

export interface ClockReading {
  now_ms: number;
  /** City seconds in one second of the wall. */
  rate: number;
}

export interface Session {
  user: User;
  city: City;
  clock: ClockReading;
  /** How long after it was raised an alert is to be acknowledged and settled. */
  deadlines?: Record<Severity, { ack_ms: number; settle_ms: number }>;
}

// ----------------------------------------------------------------------------------------------------- live state

export type Cover = "open" | "half" | "closed" | "unknown";
export type Bed = "level" | "raised" | "unknown";
export type LoadState = "empty" | "half" | "full" | "over" | "unknown";
export type Health = "ok" | "open" | "short" | "suspect" | "missing";
export type TruckClass = "tipper" | "compactor" | "tanker" | "hook" | "van" | "sweeper";

export interface Truck {
  truck_id: string;
  plate: string | null;
  class: TruckClass | null;
  materials: string[];
  payload_kg: number | null;
  volume_l: number | null;
  contractor_id: string | null;
  depot_id: string | null;
  lon: number | null;
  lat: number | null;
  fix: boolean;
  heading_deg: number | null;
  speed_mps: number | null;
  event_time_ms: number | null;
  received_time_ms: number | null;
  cover: Cover;
  bed: Bed;
  load_state: LoadState;
  load_kg: number | null;
  sensor_health: { cover?: Health; bed?: Health; load?: Health } | null;
  driver_id: string | null;
  shift: { start_ms: number; end_ms: number } | null;
  down: "breakdown" | "sos" | null;
  /** The driver's report that says so. */
  down_action_id?: string | null;
}

export interface Bin {
  bin_id: string;
  name: string | null;
  material: string | null;
  lon: number;
  lat: number;
  volume_l: number | null;
  /** 0 to 1 of the usable depth; null = not known. */
  fill: number | null;
  event_time_ms: number | null;
  battery: number | null;
  district_id: string | null;
}

export interface CollectionDue {
  place_id: string;
  place_kind: "bin" | "order";
  due: boolean;
  material: string;
  at_ms: number;
  overflow_ms?: number | null;
  overflow_p10_ms?: number | null;
  overflow_p90_ms?: number | null;
  fill_now?: number | null;
  kg?: number | null;
  l?: number | null;
  why?: string | null;
}

export interface PlanVisit {
  kind?: "start" | "collect" | "tip" | "break" | "end";
  arrive_ms: number;
  leave_ms: number;
  begin_ms?: number | null;
  lon: number;
  lat: number;
  stop_id?: string | null;
  bin_ids?: string[];
  order_id?: string | null;
  facility_id?: string | null;
  break_id?: string | null;
  name?: string | null;
  material?: string | null;
  load_kg?: number | null;
  load_l?: number | null;
  why?: string | null;
}

export interface PlanChange {
  what: "added" | "removed" | "moved" | "facility" | "later" | "earlier";
  stop_id?: string | null;
  facility_id?: string | null;
  name?: string | null;
  from_truck_id?: string | null;
  to_truck_id?: string | null;
  position?: number | null;
  why?: string | null;
}

export type Params = Record<string, string | number>;

/** `[at, code, road]`: index of its place in the plan's `path`; what to do (`say/turns.ts`); index in `roads`, -1 = no name. */
export type Turn = [at: number, code: string, road: number];

/** How to drive a plan's `path`: `legs[i]` leads from `visits[i]` to the next. */
export interface Guide {
  roads?: string[];
  legs?: Turn[][];
}

export interface TruckPlan {
  truck_id: string;
  plan_version: number;
  made_ms: number;
  reason: string;
  reason_params?: Params;
  material?: string | null;
  visits?: PlanVisit[];
  path?: Geometry | null;
  /** Only in the driver's own day. */
  guide?: Guide | null;
  changed?: PlanChange[] | string;
  run_id?: string | null;
}

export interface LeftOut {
  stop_id: string;
  place_kind: "bin" | "order";
  place_id: string;
  code: string;
  reason: string;
  material?: string | null;
  name?: string | null;
}

export interface PlanningRun {
  run_id: string;
  material: string;
  made_ms: number;
  reason: string;
  reason_params?: Params;
  engine?: string | null;
  search_s?: number | null;
  stops?: number;
  trucks?: number;
  distance_m?: number | null;
  duration_s?: number | null;
  changed_truck_ids?: string[];
  left_out?: LeftOut[];
  stranded?: { truck_id: string; code: string; reason: string }[];
  rejected?: string[];
}

export type TimeWindow = [string, string];

export interface Asset {
  id: string;
  kind: "bin" | "truck" | "depot" | "facility" | "source";
  name?: string | null;
  district_id?: string | null;
  lon?: number | null;
  lat?: number | null;
  area?: Geometry | null;
  windows?: TimeWindow[] | null;
  days?: number[] | null;
  closed_until_ms?: number | null;
  material?: string | null;
  responsible?: string | null;
  facility_type?: string | null;
  accepts?: string[];
  unload_s?: number | null;
  daily_kg?: number | null;
  docks?: number | null;
  retired?: boolean;
}

export interface Facility extends Asset {
  /** Weighed in since the city's midnight. */
  today_kg?: number | null;
  /** Trucks inside. */
  queue?: number | null;
}

export interface Order {
  order_id: string;
  version?: number;
  source_id: string;
  material: string;
  kg: number;
  l?: number | null;
  ready_ms?: number | null;
  due_ms?: number | null;
  windows?: TimeWindow[] | null;
  facility_ids?: string[];
  permit_id?: string | null;
  state?: "open" | "planned" | "collected" | "cancelled";
}

export type Severity = "critical" | "high" | "medium" | "low";
export type Certainty = "observed" | "likely" | "possible";

export interface Condition {
  condition: string;
  met: boolean;
  measured?: number | string | null;
  limit?: number | string | null;
  unit?: string | null;
}

export interface AlertAction {
  action_id: string;
  alert_id: string;
  actor: string;
  kind: "ack" | "confirm" | "dismiss" | "assign" | "snooze" | "note" | "undo";
  at_ms: number;
  reason?: string | null;
  alert_revision?: number | null;
  note?: string | null;
  /** Of `assign`: who answers for the alert; null = nobody any more. */
  assignee?: string | null;
  /** Of `snooze`. */
  until_ms?: number | null;
  /** Of `undo`: the action taken back; none = the last judgement that stands. */
  undoes?: string | null;
  batch_id?: string | null;
}

export interface Alert {
  alert_id: string;
  revision: number;
  rule: string;
  rule_version: string;
  state: "raised" | "updated" | "ended" | "cancelled";
  severity: Severity;
  certainty: Certainty;
  start_ms: number;
  raised_ms: number;
  emitted_ms: number;
  end_ms?: number | null;
  reason?: string | null;
  truck_id?: string | null;
  truck_ids?: string[] | null;
  bin_id?: string | null;
  facility_id?: string | null;
  source_id?: string | null;
  driver_id?: string | null;
  contractor_id?: string | null;
  ticket_id?: string | null;
  where?: Geometry | null;
  zone_ids?: string[];
  lost_kg?: number | null;
  lost_kg_low?: number | null;
  lost_kg_high?: number | null;
  because?: Condition[];
  unless?: string[];
  gaps?: string[];
  evidence_id?: string | null;
  used?: Record<string, unknown>;
  supersedes?: string | null;
  acked_by?: string | null;
  ack_ms?: number | null;
  actions?: AlertAction[];
}

export type ActionKind =
  | "accepted_plan"
  | "arrived"
  | "loaded"
  | "collected"
  | "skipped"
  | "tipped"
  | "break_start"
  | "break_end"
  | "off_duty"
  | "breakdown"
  | "sos"
  | "corrected";
export const SKIP_REASONS = ["blocked", "contaminated", "overfilled", "not_out", "other"] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

/** What a driver sends; the gateway adds truck, driver and arrival. */
export interface DriverActionBody {
  kind: ActionKind;
  event_time_ms: number;
  stop_id?: string;
  bin_id?: string;
  order_id?: string;
  facility_id?: string;
  plan_version?: number;
  exception?: SkipReason;
  corrects?: string;
  corrected_time_ms?: number;
  weight_kg?: number;
  note?: string;
  photo_ids?: string[];
  /** How far the phone's clock was ahead, where that was much; the time is corrected for it. */
  clock_ahead_ms?: number | null;
}

export interface DriverAction extends DriverActionBody {
  action_id: string;
  truck_id: string;
  driver_id?: string | null;
  received_time_ms?: number | null;
}

export interface Zone {
  zone_id: string;
  kind: string;
  name?: string | null;
  area?: Geometry | null;
}

export interface Permit {
  permit_id: string;
  truck_ids?: string[];
  source_id?: string | null;
  facility_ids?: string[];
  material?: string | null;
  valid_from_ms: number;
  valid_to_ms?: number | null;
  calendar_id?: string | null;
  days?: number[] | null;
  hours?: TimeWindow[] | null;
  time_zone?: string | null;
  corridor?: Geometry | null;
  corridor_m?: number | null;
}

/** What every kind of live thing is, by the name the stream calls it. */
export interface Kinds {
  truck: Truck;
  bin: Bin;
  due: CollectionDue;
  plan: TruckPlan;
  alert: Alert;
  run: PlanningRun;
  order: Order;
  facility: Facility;
  depot: Asset;
  source: Asset;
  action: DriverAction;
  zone: Zone;
  permit: Permit;
}
export type Kind = keyof Kinds;

export interface Snapshot extends ClockReading {
  trucks?: Truck[];
  bins?: Bin[];
  facilities?: Facility[];
  depots?: Asset[];
  sources?: Asset[];
  plans?: TruckPlan[];
  alerts?: Alert[];
  runs?: PlanningRun[];
  orders?: Order[];
  due?: CollectionDue[];
  actions?: DriverAction[];
  zones?: Zone[];
  permits?: Permit[];
  stale_since_ms: number | null;
}

/** What is kept of a moment's fixes: every one, one a minute and truck, or none. */
export interface Kept {
  places: "every" | "minute" | "none";
  every_from_ms: number | null;
  minute_from_ms: number | null;
}

export interface PastState extends Snapshot {
  kept: Kept;
}

/** What changed in (from, to]. `next`: where to go on when it was too much for one answer. */
export interface PastChanges {
  from_ms: number;
  to_ms: number;
  deltas: Delta[];
  next: number | null;
  kept: Kept;
}

export const MOMENT_KINDS = ["alert", "plan", "action"] as const;
export type MomentKind = (typeof MOMENT_KINDS)[number];

/** A moment worth looking at. `code`: the rule, the reason of the plan, or what the driver reported. */
export interface Moment {
  at_ms: number;
  kind: MomentKind;
  id: string;
  code: string;
  truck_id: string | null;
  severity: Severity | null;
}

export interface Moments {
  events: Moment[];
  more: boolean;
}

export interface Change {
  kind: Kind;
  id: string;
  /** null: the thing is gone. */
  value: unknown;
}

export interface Delta {
  now_ms: number;
  rate?: number;
  changes: Change[];
  stale_since_ms?: number | null;
}

// ------------------------------------------------------------------------------------------------------- answers

/** `[event_time_ms, lon, lat, speed_mps, load_kg, cover, bed]` */
export type TrackPoint = [number, number | null, number | null, number | null, number | null, Cover, Bed];
export interface Track {
  points: TrackPoint[];
}

export interface AlertFile {
  alert: Alert;
  revisions: Alert[];
  actions: AlertAction[];
  track?: Track | TrackPoint[] | null;
}

/** One version of an alert's evidence. `sha256` is of the bytes that `…/evidence/{version}` returns. */
export interface EvidenceVersion {
  version: number;
  alert_revision: number;
  made_ms: number;
  complete: boolean;
  number: number;
  sha256: string;
  previous_sha256: string;
}

/** A fix or a reading as it was, and the hashes of the bytes it came in. */
export interface Measurement {
  record: {
    event_time_ms: number;
    accuracy_m?: number | null;
    speed_mps?: number | null;
    load_kg?: number | null;
    cover?: string;
    bed?: string;
    fill?: number | null;
  };
  frames: string[];
}

export interface Evidence {
  versions: EvidenceVersion[];
  /** What is not as it was sealed. */
  faults: string[];
  document: { measurements: Measurement[]; missing: string[]; parts: { every_ms: number }[] } | null;
}

export interface DriverDay {
  truck: Truck;
  driver_id: string | null;
  shift: { start_ms: number; end_ms: number } | null;
  plan: TruckPlan | null;
  permits: Permit[];
  plans_seen?: number | null;
  plates?: Record<string, string>;
  now_ms: number;
  rate: number;
}

// ---------------------------------------------------------------------------------------- what a move would come to

/** A difference between two plans; negative = saved. `cost` only orders: its unit is the planner's. */
export interface Price {
  distance_m: number;
  duration_s: number;
  overtime_s: number;
  /** How long bins stand overflowing until somebody comes, all together. */
  overflow_s: number;
  cost: number;
}

/** The first rule in the way; `reason` is a sentence with the numbers that decided. */
export interface Rule {
  stop_id: string;
  code: string;
  reason: string;
}

/** A truck that could take what was asked about. With a `rule` it cannot; `price` is then what it would be without. */
export interface Offer {
  truck_id: string;
  price: Price | null;
  at_ms: number | null;
  rule: Rule | null;
}

/** Why a stop is not planned at all now; including `subject_id` again ends that. */
export interface Resting {
  code: string;
  reason: string;
  subject_id: string;
  after: string | null;
}

export interface DraftedMove {
  stop_id: string;
  truck_id: string;
  from_truck_id: string | null;
  at_ms: number | null;
  rule: Rule | null;
  resting: Resting | null;
  /** The newest thing a dispatcher said about the stop. */
  after: string | null;
}

export interface PriceAnswer {
  made_ms: number;
  plan_versions: Record<string, number>;
  gone: string[];
  price: Price;
  moves: DraftedMove[];
  asked: { stop_id: string; truck_id: string | null; locked_to: string | null; resting: Resting | null }[];
  offers: Offer[];
  shared: DraftedMove[];
  shared_price: Price | null;
  left: string[];
}

/** One action of a draft; `after` = the newest about its subject that was known, left out = any. */
export interface DraftAction {
  subject_id: string;
  kind: "lock" | "unlock" | "exclude" | "include";
  truck_id?: string | null;
  until_ms?: number | null;
  reason?: string | null;
  after?: string | null;
}

/** An alert as somebody saw it when they spoke of it. */
export interface SeenAlert {
  alert_id: string;
  alert_revision: number;
  /** When the newest action was said that was seen; 0 = none. */
  seen_ms: number;
  undoes?: string;
}

/** What is said of many alerts at once. */
export interface BatchBody {
  kind: AlertAction["kind"];
  alerts?: SeenAlert[];
  reason?: string;
  note?: string;
  assignee?: string | null;
  until_ms?: number;
  undoes_batch?: string;
}

/** Why it was not said of an alert, and what somebody else said meanwhile, if that is why. */
export interface RefusedAlert {
  alert_id: string;
  code: string;
  actor: string | null;
  at_ms: number | null;
  kind: AlertAction["kind"] | null;
}

export interface BatchAnswer {
  batch_id: string;
  kind: AlertAction["kind"];
  at_ms: number;
  done: { alert_id: string; action_id: string }[];
  refused: RefusedAlert[];
}

export interface KeptBatch {
  batch_id: string;
  actor: string;
  kind: AlertAction["kind"];
  at_ms: number;
  undoes_batch: string | null;
  done: number;
  undone: boolean;
}

/** Who may be given alerts. */
export interface Handler {
  login: string;
  name: string;
  role: Role;
  district_id: string | null;
}

/** Where alerts came in the last days, and of which trucks. */
export interface RepeatPlaces {
  since_ms: number;
  cell_m: number;
  cells: { lon: number; lat: number; count: number; trucks: number; rules: string[]; last_ms: number }[];
  trucks: { truck_id: string; count: number; rules: string[]; last_ms: number }[];
}

/** What is known of a photo; its bytes are at `/api/v1/photos/{photo_id}`. */
export interface PhotoFacts {
  photo_id: string;
  truck_id: string;
  driver_id: string | null;
  taken_ms: number;
  received_ms: number;
  clock_ahead_ms: number | null;
  stop_id: string | null;
  order_id: string | null;
  facility_id: string | null;
  plan_version: number | null;
  lon: number | null;
  lat: number | null;
  accuracy_m: number | null;
  width: number;
  height: number;
  size_bytes: number;
  sha256: string;
}
