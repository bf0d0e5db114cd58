// What an eye and a finger would notice on a page as it stands. Each function returns sentences; none = nothing wrong.
window.looks = (() => {
  const CONTROLS = "a[href], button, input, select, textarea, summary, [role=tab], [tabindex='0']";
  const BOXES = "button, .button, summary, .tag, .note, [role=tab], .toast, .count";

  const seen = one => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !one.closest(".hidden-text");

  const named = one => {
    const id = one.dataset?.testid ? `[${one.dataset.testid}]` : one.className?.baseVal === undefined ? `.${String(one.className).trim().replaceAll(/\s+/g, ".")}` : "";
    return `${one.localName}${id} “${(one.innerText || one.ariaLabel || one.value || "").replaceAll(/\s+/g, " ").trim().slice(0, 40)}”`;
  };

  /** What of an element its scrolling and clipping ancestors leave; null = nothing. */
  function left(one) {
    let { left: x, top: y, right, bottom } = one.getBoundingClientRect();
    for (let up = one.parentElement; up; up = up.parentElement) {
      const { overflowX, overflowY } = getComputedStyle(up);
      if (overflowX === "visible" && overflowY === "visible") continue;
      const box = up.getBoundingClientRect();
      if (up === document.body || up === document.documentElement) continue;
      [x, y] = [Math.max(x, box.left), Math.max(y, box.top)];
      [right, bottom] = [Math.min(right, box.right), Math.min(bottom, box.bottom)];
    }
    [x, y, right, bottom] = [Math.max(x, 0), Math.max(y, 0), Math.min(right, innerWidth), Math.min(bottom, innerHeight)];
    return right - x > 4 && bottom - y > 4 ? { x, y, right, bottom } : null;
  }

  /** Where a finger may press for a control: a field in a label is pressed by its label too. */
  function target(one) {
    const box = one.getBoundingClientRect();
    const label = one.matches("input[type=radio], input[type=checkbox]") ? one.closest("label") : null;
    return label ? label.getBoundingClientRect() : box;
  }

  const controls = () =>
    [...document.querySelectorAll(CONTROLS)].filter(one => seen(one) && !one.closest(".maplibregl-map") && one.getClientRects().length);

  /** Controls smaller than so many pixels, either way. */
  function small(least, which = CONTROLS) {
    return controls().filter(one => one.matches(which)).flatMap(one => {
      const { width, height } = target(one);
      if (Math.min(width, height) >= least - 0.5) return [];
      return [`${named(one)} is ${Math.round(width)} × ${Math.round(height)} px, expected at least ${least}`];
    });
  }

  /** The page can be moved sideways. */
  function sideways() {
    const page = document.scrollingElement;
    if (page.scrollWidth <= innerWidth) return [];
    const wide = [...document.querySelectorAll("body *")].filter(one => seen(one) && one.getBoundingClientRect().right > innerWidth + 1);
    const inner = wide.filter(one => !wide.some(other => other !== one && one.contains(other)));
    return [`the page is ${page.scrollWidth} px wide in a window of ${innerWidth}: ${inner.slice(0, 4).map(named).join("; ")}`];
  }

  function* texts() {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const holder = node.parentElement;
      if (!node.data.trim() || !holder || !seen(holder)) continue;
      if (holder.closest("option, script, style, noscript, .maplibregl-map, .u-hz")) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      yield [node, holder, [...range.getClientRects()].filter(box => box.width > 1)];
    }
  }

  /** Text of which a part is cut off, where nothing scrolls; a line that ends in "…" is allowed where `ELLIPSIS` says so. */
  function clipped() {
    const found = [];
    for (const [node, holder, boxes] of texts()) {
      const said = `“${node.data.trim().slice(0, 50)}” in ${holder.localName}.${holder.className}`;
      for (let up = holder; up; up = up.parentElement) {
        const { overflowX, overflowY } = getComputedStyle(up);
        if (/auto|scroll/.test(overflowX + overflowY)) break;
        if (overflowX === "visible" && overflowY === "visible") continue;
        const box = up.getBoundingClientRect();
        const cut = boxes.some(({ left: x, right, top: y, bottom }) => x < box.left - 1 || right > box.right + 1 || y < box.top - 3 || bottom > box.bottom + 3);
        if (cut && !up.matches(".row-sub")) found.push(`${said} is cut off by ${up.localName}.${up.className}`);
        if (cut) break;
      }
    }
    return found;
  }

  /** Text that reaches out of the button or tag it is in. */
  function spilled() {
    const found = [];
    for (const [node, holder, boxes] of texts()) {
      const around = holder.closest(BOXES);
      if (!around) continue;
      let cut = false; // by something in it: that is for `clipped` to say
      for (let up = holder; up !== around && !cut; up = up.parentElement) cut = getComputedStyle(up).overflow !== "visible";
      if (cut) continue;
      const box = around.getBoundingClientRect();
      if (boxes.some(({ left: x, right, top: y, bottom }) => x < box.left - 1 || right > box.right + 1 || y < box.top - 3 || bottom > box.bottom + 3))
        found.push(`“${node.data.trim().slice(0, 50)}” reaches out of ${around.localName}.${around.className}`);
    }
    return found;
  }

  /** Controls that something else lies over. What sticks to the window's edge may: the page scrolls under it. */
  function covered() {
    const dialog = document.querySelector("[role=dialog]");
    return controls().flatMap(one => {
      if (dialog && !dialog.contains(one)) return [];
      const box = left(one);
      if (!box) return [];
      const over = document.elementFromPoint((box.x + box.right) / 2, (box.y + box.bottom) / 2);
      if (!over || one.contains(over) || over.contains(one) || one.closest("label")?.contains(over)) return [];
      for (let up = over; up; up = up.parentElement) if (/sticky|fixed/.test(getComputedStyle(up).position)) return [];
      if (over.closest("details[open] > div") && !over.closest("details[open] > div").contains(one)) return []; // an open menu
      return [`${named(one)} lies under ${named(over)}`];
    });
  }

  return { small, sideways, clipped, spilled, covered };
})();
