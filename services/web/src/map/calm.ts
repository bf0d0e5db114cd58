/** Work that waits until nobody presses anything: several askings are one piece of it. */

export interface Patience {
  /** So long after it was first asked for at the earliest, … */
  least_ms: number;
  /** … and so long after the last press, … */
  calm_ms: number;
  /** … but not later than this. */
  most_ms: number;
}

const PRESSES = ["pointerdown", "pointermove", "keydown", "wheel"] as const;

export class WhenCalm {
  readonly #work: () => void;
  readonly #patience: Patience;
  readonly #where: EventTarget;
  #asked_ms: number | null = null;
  #pressed_ms = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(work: () => void, patience: Patience, where: EventTarget = document) {
    this.#work = work;
    this.#patience = patience;
    this.#where = where;
    for (const press of PRESSES) where.addEventListener(press, this.#note, { capture: true, passive: true });
  }

  /** Ask for the work; it is done once, whoever else asks meanwhile. */
  ask(): void {
    if (this.#asked_ms !== null) return;
    this.#asked_ms = performance.now();
    this.#timer = setTimeout(this.#look, this.#patience.least_ms);
  }

  /** It is done already, or need not be any more. */
  forget(): void {
    clearTimeout(this.#timer);
    this.#asked_ms = null;
  }

  end(): void {
    this.forget();
    for (const press of PRESSES) this.#where.removeEventListener(press, this.#note, { capture: true });
  }

  readonly #note = (event: Event): void => {
    // a mouse that only passes over the page presses nothing
    if (event.type !== "pointermove" || (event as PointerEvent).buttons) this.#pressed_ms = performance.now();
  };

  readonly #look = (): void => {
    if (this.#asked_ms === null) return;
    const now_ms = performance.now();
    const [calm_ms, left_ms] = [
      this.#patience.calm_ms - (now_ms - this.#pressed_ms),
      this.#patience.most_ms - (now_ms - this.#asked_ms),
    ];
    if (calm_ms > 0 && left_ms > 0) {
      this.#timer = setTimeout(this.#look, Math.min(calm_ms, left_ms));
      return;
    }
    this.#asked_ms = null;
    this.#work();
  };
}
