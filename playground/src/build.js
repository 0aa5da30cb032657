// Bundles GraphiQL, its editor and the editor's workers into dist/, which the server embeds.
import { build } from "esbuild";
import { copyFile, mkdir, rm } from "node:fs/promises";

const dist = new URL("../dist/", import.meta.url).pathname;
const src = new URL("./", import.meta.url).pathname;
await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });

const common = {
  bundle: true,
  minify: true,
  target: "es2022",
  format: "esm",
  legalComments: "none",
  logLevel: "warning",
  define: { "process.env.NODE_ENV": '"production"' },
  loader: { ".ttf": "file", ".woff": "file", ".woff2": "file", ".svg": "file" },
  outdir: dist,
};
await build({ ...common, entryPoints: { playground: `${src}playground.jsx` }, jsx: "automatic", publicPath: "/playground" });
await build({
  ...common,
  format: "iife",
  entryPoints: {
    "editor.worker": "monaco-editor/esm/vs/editor/editor.worker.js",
    "json.worker": "monaco-editor/esm/vs/language/json/json.worker.js",
    "graphql.worker": "monaco-graphql/esm/graphql.worker.js",
  },
});
await copyFile(`${src}index.html`, `${dist}index.html`);
