/**
 * One picture of the map after the other where graphics are slow. The browser takes pictures in faster than such a machine
 * draws them; the page's own next picture, the answer to a press, would wait behind all of them.
 */

/** Quicker than so, pictures do not queue. */
const QUICK_MS = 40;
/** Whether a picture is finished is looked at so often. */
const LOOK_MS = 8;
/** A picture that nobody says is finished (the graphics were taken away) holds up none for longer. */
const GIVE_UP_MS = 3_000;

/** A picture that was handed to the graphics. */
export interface Picture {
  isFinished: () => boolean;
  forget: () => void;
}

/** When the next picture may begin. */
export class Pace {
  readonly #begin: () => void;
  /** The newest picture that is not finished, and since when none was. */
  #under_way: { picture: Picture; since_ms: number } | null = null;
  #wanted = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** How long pictures took lately. */
  #takes_ms = 0;

  constructor(begin: () => void) {
    this.#begin = begin;
  }

  /** A picture is wanted: it begins at once, or when the one before is finished. */
  want(): void {
    if (this.#isBusy()) this.#wanted = true;
    else this.#begin();
  }

  #isBusy(): boolean {
    if (!this.#under_way) return false;
    return Math.max(this.#takes_ms, performance.now() - this.#under_way.since_ms) > QUICK_MS;
  }

  /** A picture was handed over. */
  handed(picture: Picture | null): void {
    const before = this.#under_way;
    before?.picture.forget();
    clearTimeout(this.#timer);
    this.#under_way = picture && { picture, since_ms: before?.since_ms ?? performance.now() };
    if (picture) this.#timer = setTimeout(this.#look, LOOK_MS);
  }

  /** How long a picture takes, on average of the last few. */
  get takes_ms(): number {
    return this.#takes_ms;
  }

  end(): void {
    this.handed(null);
    this.#wanted = false;
  }

  readonly #look = (): void => {
    if (!this.#under_way) return;
    const took_ms = performance.now() - this.#under_way.since_ms;
    if (!this.#under_way.picture.isFinished() && took_ms < GIVE_UP_MS) {
      this.#timer = setTimeout(this.#look, LOOK_MS);
      return;
    }
    this.#takes_ms += (took_ms - this.#takes_ms) * 0.3;
    this.handed(null);
    if (!this.#wanted) return;
    this.#wanted = false;
    this.#begin();
  };
}

/** The picture that was just drawn on a canvas; null where the browser cannot say when it is finished. */
export function pictureOn(canvas: HTMLCanvasElement): Picture | null {
  const gl = canvas.getContext("webgl2");
  const fence = gl?.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
  if (!gl || !fence) return null;
  gl.flush();
  return {
    isFinished: () => gl.isContextLost() || gl.getSyncParameter(fence, gl.SYNC_STATUS) === gl.SIGNALED,
    forget: () => gl.deleteSync(fence),
  };
}

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/** Whether no graphics card helps: the browser draws with the processor. */
export function isSoftware(canvas: HTMLCanvasElement): boolean {
  const gl = canvas.getContext("webgl2");
  const named = gl?.getExtension("WEBGL_debug_renderer_info");
  return SOFTWARE.test(String(named && gl?.getParameter(named.UNMASKED_RENDERER_WEBGL)));
}
