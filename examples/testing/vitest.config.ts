import { defineConfig } from "vitest/config";

export default defineConfig({
  cacheDir: "../../node_modules/.vite",
  test: { include: ["vitest.test.ts"] },
  // For this repository only: the package's sources instead of its build.
  ssr: { resolve: { conditions: ["cri-sdk-source", "node", "import"] } },
});
