/** Small choices of a person kept in this browser; forgotten, not failing, where storage is forbidden. */

const PREFIX = "qingyun.";

export function remembered(key: string): string | null {
  try {
    return globalThis.localStorage?.getItem(PREFIX + key) ?? null;
  } catch {
    return null;
  }
}

export function remember(key: string, value: string): void {
  try {
    globalThis.localStorage?.setItem(PREFIX + key, value);
  } catch {
    // private mode: the choice holds until the page is closed
  }
}
