/** The head of the desk's pages: whose page, city time, whether the data are of now, language, colours, account. */

import { inPast, now, rate } from "../clock.ts";
import type { LiveStream } from "../live/stream.ts";
import { faceName } from "../say/faces.ts";
import { FACES, type Face, session, signOut } from "../session.ts";
import { day, hourMinute, hourMinuteSecond } from "../words/format.ts";
import { language, setLanguage, words } from "../words/index.ts";
import { carryOut, OutcomeText, useOutcome } from "./command.tsx";
import { Menu } from "./menu.tsx";
import { type Choice, chooseTheme, themeChoice } from "./theme.ts";

export function Brand() {
  return (
    <span class="brand">
      <img src="/icon.svg" alt="" />
      <span>清运 Qingyun</span>
    </span>
  );
}

export function LiveBadge({ live }: { live: LiveStream }) {
  const w = words.value.live;
  const state = live.state;
  const since = live.oldSince;
  if (inPast.value)
    return (
      <span class="live past" role="status" data-testid="live">
        {words.value.timebar.past}
      </span>
    );
  const text =
    state === "open"
      ? w.open
      : since === null
        ? w.connecting
        : state === "stale"
          ? w.stale(hourMinuteSecond(since))
          : w.lost(hourMinuteSecond(since));
  return (
    <span class={`live ${state}`} role="status" data-testid="live" title={state === "lost" ? w.lostLong : ""}>
      {text}
    </span>
  );
}

export function CityClock() {
  const w = words.value.app;
  return (
    <time class="clock" data-testid="city-clock" title={w.cityTime}>
      <span class="day soft">{day(now.value || null)} </span>
      {hourMinute(now.value || null)}
      {rate.value !== 1 && !inPast.value && (
        <span class="rate tag" title={w.speedTitle(rate.value)}>
          {w.speed(rate.value)}
        </span>
      )}
    </time>
  );
}

export function LanguageButton() {
  const w = words.value.app;
  return (
    <button
      type="button"
      class="button quiet"
      data-testid="language"
      lang={language.value === "zh" ? "en" : "zh-Hans"}
      aria-label={w.languageLabel}
      onClick={() => setLanguage(language.value === "zh" ? "en" : "zh")}
    >
      {w.language}
    </button>
  );
}

export function ThemeChoice() {
  const w = words.value.app.theme;
  return (
    <fieldset class="row-of tight" style={{ border: 0, margin: 0, padding: 0 }}>
      <legend class="soft">{w.label}</legend>
      {(["auto", "day", "night"] satisfies Choice[]).map(choice => (
        <button
          key={choice}
          type="button"
          class="button"
          aria-pressed={themeChoice.value === choice}
          onClick={() => chooseTheme(choice)}
        >
          {w[choice]}
        </button>
      ))}
    </fieldset>
  );
}

/** `forget`: what is to be gone from this device first. */
export function SignOut({ forget, disabled = false }: { forget?: () => Promise<void>; disabled?: boolean }) {
  const outcome = useOutcome();
  return (
    <>
      <button
        type="button"
        class="button"
        data-testid="sign-out"
        disabled={disabled || outcome.value.state === "working"}
        onClick={() => void carryOut(outcome, () => signOut(forget), "")}
      >
        {words.value.app.signOut}
      </button>
      <OutcomeText of={outcome} onlyFailures />
    </>
  );
}

function Account() {
  const w = words.value.app;
  const user = session.value?.user;
  if (!user) return null;
  return (
    <Menu label={w.menu} testid="account" button={user.name}>
      <p>
        <bdi>{user.name}</bdi>
        <br />
        <span class="soft">{w.role[user.role]}</span>
      </p>
      <ThemeChoice />
      <SignOut />
    </Menu>
  );
}

export function Header({ face, live }: { face: Face; live: LiveStream }) {
  const w = words.value.app;
  const role = session.value?.user.role;
  return (
    <header class="header">
      <Brand />
      <h1 class="hidden-text">{faceName(face)}</h1>
      <nav aria-label={w.name}>
        {(role ? FACES[role] : []).map(one => (
          <a
            key={one}
            class="button quiet"
            href={`/${one}`}
            {...(one === face ? { "aria-current": "page" as const } : {})}
          >
            {faceName(one)}
          </a>
        ))}
      </nav>
      <span class="push" />
      <LiveBadge live={live} />
      <CityClock />
      <LanguageButton />
      <Account />
    </header>
  );
}
