/** What the address of the moment asks of the open list. */

import { computed } from "@preact/signals";
import type { Query } from "../domain/query.ts";
import { show, shownMaterials, sort, text } from "./state.ts";

export const query = computed<Query>(() => ({ find: text.value, show: show.value, waste: shownMaterials.value }));

/** What rows may move for at once: the reader's own wish. */
export const wish = computed(() => JSON.stringify([query.value, sort.value]));
