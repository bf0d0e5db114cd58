/**
 * One picture of the map after the other where graphics are slow. The browser takes in pictures faster than such a machine
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

interface UnderWay {
  picture: Picture;
  /** Since when none was finished. */
  since_ms: number;
}

/** When the next picture may begin. */
export class Pace {
  readonly #begin: () => void;
  /** The newest picture that is not finished. */
  #under_way: UnderWay | null = null;
  #asked = false;
  #wanted = false;
  #ended = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due_ms = 0;
  /** How long pictures took lately. */
  #takes_ms = 0;

  constructor(begin: () => void) {
    this.#begin = begin;
  }

  /**
   * A picture is wanted: it begins at once, or when the one before is finished. The map wants the next one while it draws
   * one, so it is decided when that is handed over.
   */
  want(): void {
    if (this.#asked) return;
    this.#asked = true;
    queueMicrotask(() => {
      this.#asked = false;
      if (this.#ended) return;
      if (this.#isBusy()) this.#wanted = true;
      else this.#begin();
    });
  }

  #isBusy(): boolean {
    if (!this.#under_way) return false;
    return Math.max(this.#takes_ms, performance.now() - this.#under_way.since_ms) > QUICK_MS;
  }

  /** A picture was handed over; null = nobody will say when it is finished. */
  handed(picture: Picture | null): void {
    const before = this.#under_way;
    const unfinished = before && !this.#settle(before, 0) ? before : null;
    before?.picture.forget();
    clearTimeout(this.#timer);
    this.#under_way = picture && { picture, since_ms: unfinished?.since_ms ?? performance.now() };
    if (picture) this.#lookSoon();
    else this.#goOn();
  }

  /** How long a picture takes, on average of the last few. */
  get takes_ms(): number {
    return this.#takes_ms;
  }

  end(): void {
    this.#ended = true;
    this.#wanted = false;
    this.handed(null);
  }

  /** Whether a picture is finished; if so, what it took is learnt, but for the `late_ms` that nobody looked. */
  #settle({ picture, since_ms }: UnderWay, late_ms: number): boolean {
    const took_ms = performance.now() - since_ms - late_ms;
    if (!picture.isFinished() && took_ms < GIVE_UP_MS) return false;
    if (!document.hidden) this.#takes_ms += (Math.min(took_ms, GIVE_UP_MS) - this.#takes_ms) * 0.3;
    return true;
  }

  #lookSoon(): void {
    this.#due_ms = performance.now() + LOOK_MS;
    this.#timer = setTimeout(this.#look, LOOK_MS);
  }

  readonly #look = (): void => {
    if (!this.#under_way) return;
    if (!this.#settle(this.#under_way, performance.now() - this.#due_ms)) {
      this.#lookSoon();
      return;
    }
    this.#under_way.picture.forget();
    this.#under_way = null;
    this.#goOn();
  };

  #goOn(): void {
    if (!this.#wanted) return;
    this.#wanted = false;
    this.#begin();
  }
}
