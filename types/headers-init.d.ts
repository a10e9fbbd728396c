// Connect's declarations name the DOM's HeadersInit, and this package is written without the DOM library.
// For our own compilation only: nothing public mentions Connect's types (src/transport/contract.ts has ours).
type HeadersInit = [string, string][] | Record<string, string> | Headers;
