// The names of the DOM that the types of playwright-core use. The rest of it is for programs in a browser, and the checkout has these in
// examples/console/page, with types of their own.
type Node = object;
type HTMLElement = object;
type SVGElement = object;
type HTMLElementTagNameMap = Record<string, HTMLElement>;
