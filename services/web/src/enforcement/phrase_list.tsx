/** Phrases of the rules and of what is at fault, one under the other, in the reader's language as far as it is known. */

import { phrase } from "../say/alerts.ts";

export function PhraseList({ of, testid }: { of: string[]; testid?: string }) {
  return (
    <ul class="phrases" data-testid={testid}>
      {of.map(text => {
        const said = phrase(text);
        return (
          <li key={text} lang={said.lang}>
            {said.text}
          </li>
        );
      })}
    </ul>
  );
}
