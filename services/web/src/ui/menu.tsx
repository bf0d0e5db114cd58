/** A small menu that opens at its button and closes by a tap elsewhere or Escape. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Props {
  label: string;
  testid: string;
  button: ComponentChildren;
  children: ComponentChildren;
}

export function Menu({ label, testid, button, children }: Props) {
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const elsewhere = (event: Event) => {
      const open = menu.current;
      if (open?.open && event.target instanceof Node && !open.contains(event.target)) open.open = false;
    };
    const byEscape = (event: KeyboardEvent) => {
      const open = menu.current;
      if (event.key !== "Escape" || !open?.open) return;
      // what has the focus is about to be gone
      if (open.contains(document.activeElement)) open.querySelector("summary")?.focus();
      open.open = false;
    };
    document.addEventListener("pointerdown", elsewhere, true);
    document.addEventListener("keydown", byEscape);
    return () => {
      document.removeEventListener("pointerdown", elsewhere, true);
      document.removeEventListener("keydown", byEscape);
    };
  }, []);
  return (
    <details class="account" ref={menu}>
      <summary class="button quiet" data-testid={testid}>
        <span class="hidden-text">{label}: </span>
        {button}
      </summary>
      <div>{children}</div>
    </details>
  );
}
