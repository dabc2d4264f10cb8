/**
 * The proxy of the project's tests.
 */
export { type Proxy, proxy } from "../../../../test/support/proxy.js"
