// What src/logs/scanner uses of WebAssembly: Node has it, and its types are in the DOM library only.
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module);
    readonly exports: unknown;
  }
  interface Global<T> {
    readonly value: T;
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
}
