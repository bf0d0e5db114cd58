/** Which key asks for what on the officer's page. Pure. */

export type Command = "next" | "before" | "pick" | "ack" | "confirm" | "dismiss" | "onward" | "sheet";

export const COMMANDS: Record<string, Command> = {
  j: "next",
  k: "before",
  x: "pick",
  a: "ack",
  c: "confirm",
  d: "dismiss",
  e: "onward",
  "?": "sheet",
};

interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  target: EventTarget | object | null;
}

/** What a key asks for; null = it is not ours: somebody writes, or it is the browser's own. */
export function commandOf({ key, ctrlKey, metaKey, altKey, target }: Pressed): Command | null {
  if (ctrlKey || metaKey || altKey) return null;
  const field = target as { tagName?: string; type?: string; isContentEditable?: boolean } | null;
  const name = field?.tagName?.toLowerCase();
  const writes = name === "textarea" || name === "select" || (name === "input" && field?.type !== "checkbox");
  if (writes || field?.isContentEditable) return null;
  return Object.hasOwn(COMMANDS, key) ? (COMMANDS[key] ?? null) : null;
}
