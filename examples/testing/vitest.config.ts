import { defineConfig } from "vitest/config";

export default defineConfig({
  cacheDir: "../../node_modules/.vite",
  test: { include: ["vitest.test.ts"] },
  // Only for this repository: uses the sources of the package instead of its build.
  ssr: { resolve: { conditions: ["cri-sdk-source", "node", "import"] } },
});
