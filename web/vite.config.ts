import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const server = process.env.SWITCHBOARD_URL ?? "http://localhost:8080";

/** Puts dist/.gitkeep back after a build has emptied dist: web.go embeds the folder and must compile on a clone without a build. */
function keepPlaceholder(): Plugin {
  return {
    name: "keep-placeholder",
    closeBundle: () => writeFileSync(fileURLToPath(new URL("./dist/.gitkeep", import.meta.url)), ""),
  };
}

export default defineConfig({
  plugins: [react(), tailwindcss(), keepPlaceholder()],
  build: {
    // The polyfill would be an inline script, which the Content-Security-Policy forbids; every supported browser preloads modules.
    modulePreload: { polyfill: false },
    // Nothing is inlined as a data: URL: hashed files are cached for ever, and the policy stays short.
    assetsInlineLimit: 0,
    target: "es2023",
    cssTarget: ["chrome123", "safari17.5", "firefox121"],
  },
  server: {
    // The Host header stays this server's: the API compares it with the Origin, to refuse other web sites.
    proxy: {
      "/graphql": { target: server, ws: true },
      "/files": { target: server },
    },
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
