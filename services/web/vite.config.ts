import { resolve } from "node:path";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** The gateway the development server talks to. */
const GATEWAY = process.env.QINGYUN_GATEWAY ?? "http://127.0.0.1:8080";

const PAGES = ["index", "dispatch", "driver", "enforcement", "intake", "manager"] as const;

/** What the gateway itself writes into a page under a name that stays: the citizen's form is made by it. */
const NAMED = ["driver-worker", "report"];

/**
 * What a page may load: itself and nothing else. MapLibre's worker is a file of ours; pictures drawn on a canvas
 * travel as blobs. The gateway sends the same as a header; this line also holds where a proxy drops it.
 */
const POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "worker-src 'self' blob:",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join("; ");

/** Built pages carry their policy. The development server's own inline styles would break under it. */
const contentPolicy: Plugin = {
  name: "content-policy",
  apply: "build",
  transformIndexHtml: {
    order: "pre",
    handler: () => [
      { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: POLICY }, injectTo: "head-prepend" },
    ],
  },
};

/** `/dispatch` is `dispatch.html`, as the gateway has it. */
const entryPages: Plugin = {
  name: "entry-pages",
  configureServer: server => {
    server.middlewares.use((request, _response, next) => {
      const page = PAGES.find(name => request.url?.split("?")[0] === `/${name}`);
      if (page) request.url = request.url?.replace(`/${page}`, `/${page}.html`);
      next();
    });
  },
};

export default defineConfig({
  plugins: [contentPolicy, entryPages],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2023",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1200,
    rolldownOptions: {
      input: {
        ...Object.fromEntries(PAGES.map(name => [name, resolve(import.meta.dirname, `${name}.html`)])),
        "driver-worker": resolve(import.meta.dirname, "src/driver/worker.ts"),
        report: resolve(import.meta.dirname, "src/report/report.ts"),
      },
      // a service worker rules over its own folder: this one has to lie at the top, under a name that stays
      output: {
        entryFileNames: ({ name }) => (NAMED.includes(name) ? "[name].js" : "assets/[name]-[hash].js"),
        assetFileNames: ({ names }) => (names.includes("report.css") ? "report.css" : "assets/[name]-[hash][extname]"),
      },
    },
  },
  // the worker that pages share is a module as they are
  worker: { format: "es" },
  server: {
    proxy: { "/api": GATEWAY, "/tiles": GATEWAY, "^/report(/|\\?|$)": GATEWAY },
  },
  test: { include: ["tests/**/*.test.ts"] },
});
