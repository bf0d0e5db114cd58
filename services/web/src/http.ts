/** The one way to the gateway: JSON in, JSON or a problem (RFC 9457) out. */

import { heardDate } from "./clock.ts";

export interface ProblemBody {
  title?: string;
  status?: number;
  detail?: string;
  code?: string;
  errors?: { pointer?: string; detail: string }[];
}

/** A proxy takes no body so large: not the gateway's word, but one about what was sent. */
const TOO_LARGE = 413;

/** The gateway answered, and the answer was no. `body` says why. */
export class Refused extends Error {
  readonly status: number;
  readonly body: ProblemBody;

  constructor(status: number, body: ProblemBody) {
    super(body.detail ?? body.title ?? `HTTP ${status}`);
    this.status = status;
    this.body = body;
  }

  /** Asking the same again cannot help: the request itself is what the gateway refused. */
  get final(): boolean {
    const refused = this.status >= 400 && this.status < 500 && this.body.code !== undefined;
    return refused && ![401, 408, 425, 429].includes(this.status);
  }

  /** It is about this request, which may yet be taken when something is mended; others may pass. */
  get itself(): boolean {
    return !this.final && [500, TOO_LARGE].includes(this.status);
  }
}

/** The gateway did not answer: not in time, or there is no network, or what answered is something else. */
export class Unreachable extends Error {}

const TIMEOUT_MS = 15_000;

/** Whether a refusal looks like the gateway's own; a proxy's while the gateway is away, or a captive portal's, says nothing. */
export function isProblem(response: Response): boolean {
  return (response.headers.get("content-type") ?? "").startsWith("application/problem+json");
}

async function problemOf(response: Response): Promise<Refused | Unreachable> {
  const body: ProblemBody | null = isProblem(response) ? await response.json().catch(() => null) : null;
  if (typeof body?.code === "string") return new Refused(response.status, body);
  if (response.status === TOO_LARGE)
    return new Refused(TOO_LARGE, { title: response.statusText || `HTTP ${TOO_LARGE}` });
  return new Unreachable(`HTTP ${response.status}, not the gateway's`);
}

/**
 * Ask the gateway.
 *
 * @throws {Refused} the gateway's answer is not 2xx
 * @throws {Unreachable} no answer of the gateway within 15 s, or no network
 */
export async function ask<T>(method: "GET" | "PUT" | "POST" | "DELETE", path: string, body?: unknown): Promise<T> {
  const init: RequestInit = {
    method,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
  };
  if (body !== undefined) init.body = JSON.stringify(body);
  return (await exchange(path, init)) as T;
}

/** One question, one answer read to its end: one that is cut off, or is not the gateway's, is none. */
async function exchange(path: string, init: RequestInit): Promise<unknown> {
  const unreachable = (cause: unknown): never => {
    throw new Unreachable("no answer", { cause });
  };
  const response = await fetch(path, { ...init, credentials: "same-origin" }).catch(unreachable);
  // what the browser may keep may be dated long ago, and another's clock is not the office's
  if ((response.ok || isProblem(response)) && !response.headers.has("etag")) heardDate(response.headers.get("date"));
  if (!response.ok) throw await problemOf(response);
  const text = await response.text().catch(unreachable);
  try {
    return text ? JSON.parse(text) : undefined;
  } catch (cause) {
    return unreachable(cause);
  }
}

/** Bytes take longer than words: a photo on a slow network. */
const BYTES_TIMEOUT_MS = 90_000;

/**
 * Put bytes under an id of our own making.
 *
 * @throws {Refused} the gateway's answer is not 2xx
 * @throws {Unreachable} no answer of the gateway within 90 s, no network, or `signal` said to stop
 */
export async function putBytes(
  path: string,
  bytes: Uint8Array<ArrayBuffer>,
  type: string,
  signal: AbortSignal,
): Promise<void> {
  await exchange(path, {
    method: "PUT",
    signal: AbortSignal.any([signal, AbortSignal.timeout(BYTES_TIMEOUT_MS)]),
    headers: { "Content-Type": type },
    body: bytes,
  });
}

/** An id of our own making, so that a request sent twice is one act. Sortable by time (UUID v7). */
export function newId(wall_ms: number, random: Uint8Array = crypto.getRandomValues(new Uint8Array(10))): string {
  const bytes = new Uint8Array(16);
  for (let at = 0; at < 6; at++) bytes[at] = Math.floor(wall_ms / 2 ** (8 * (5 - at))) & 0xff;
  bytes.set(random.subarray(0, 10), 6);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
