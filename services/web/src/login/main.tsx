/** The front door: name and password, then each role to its page. */

import { effect, signal } from "@preact/signals";
import { render } from "preact";
import { Refused } from "../http.ts";
import { currentSession, faceAfter, signIn } from "../session.ts";
import { LanguageButton } from "../ui/header.tsx";
import { words } from "../words/index.ts";
import "../ui/theme.ts";
import "../styles/base.css";
import "./login.css";

type Failure = "wrong" | "tooMany" | "unreachable" | { role: string };

const working = signal(false);
const failure = signal<Failure | null>(null);
const shown = signal(false);

function enter(found: Parameters<typeof faceAfter>[0]): void {
  const to = faceAfter(found, new URLSearchParams(location.search).get("next"));
  if (to) location.replace(to);
  else failure.value = { role: words.value.app.role[found.user.role] ?? found.user.role };
}

async function submit(form: HTMLFormElement): Promise<void> {
  const given = new FormData(form);
  working.value = true;
  failure.value = null;
  try {
    enter(await signIn(String(given.get("login")).trim(), String(given.get("password"))));
  } catch (problem) {
    failure.value =
      !(problem instanceof Refused) || problem.status >= 500
        ? "unreachable"
        : problem.status === 429
          ? "tooMany"
          : "wrong";
  } finally {
    working.value = false;
  }
}

/** The field itself, so that what was typed stays when it is shown. */
let secret: HTMLInputElement | null = null;

function toggleSecret(): void {
  shown.value = !shown.value;
  if (secret) secret.type = shown.value ? "text" : "password";
}

function failureText(what: Failure): string {
  const w = words.value.signIn;
  return typeof what === "object" ? w.noFace(what.role) : w[what];
}

function SignIn() {
  const w = words.value.signIn;
  return (
    <main class="door">
      <form
        class="card"
        data-testid="sign-in"
        onSubmit={event => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        <div class="row-of">
          <img src="/icon.svg" alt="" width="40" height="40" />
          <div>
            <h1>清运 Qingyun</h1>
            <p class="soft">{words.value.app.tagline}</p>
          </div>
          <span class="push" />
          <LanguageButton />
        </div>
        <label>
          {w.login}
          <input
            class="field"
            name="login"
            data-testid="login-name"
            required
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
          />
        </label>
        <label>
          {w.password}
          <span class="secret">
            <input
              class="field"
              name="password"
              data-testid="login-password"
              required
              type="password"
              autocomplete="current-password"
              ref={input => {
                secret = input;
              }}
            />
            <button type="button" class="button" aria-pressed={shown.value} onClick={toggleSecret}>
              {shown.value ? w.hide : w.show}
            </button>
          </span>
        </label>
        <div role="alert">{failure.value && <p class="note bad">{failureText(failure.value)}</p>}</div>
        <button type="submit" class="button main big" data-testid="login-submit" disabled={working.value}>
          {working.value ? w.working : w.submit}
        </button>
        <p class="soft small">{w.demo}</p>
      </form>
    </main>
  );
}

effect(() => {
  document.title = `${words.value.signIn.submit} · 清运 Qingyun`;
});

const root = document.getElementById("page");
if (root) render(<SignIn />, root);
// somebody already signed in goes straight on; no answer is no reason to hide the form
currentSession().then(
  found => found && enter(found),
  () => undefined,
);
