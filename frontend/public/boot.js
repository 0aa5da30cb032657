// Loads the app. A file of its own, so that the page needs no inline script (see `pattern_script` in Trunk.toml).
const { js, wasm } = document.querySelector("script[data-wasm]").dataset;
try {
  const app = await import(js);
  await app.default({ module_or_path: wasm });
} catch (error) {
  console.error(error);
  const boot = document.getElementById("boot");
  if (boot) boot.textContent = "The app could not be loaded. Reload the page; a current browser with WebAssembly is needed.";
}
