/**
 * The proxy of the project's tests.
 */
export { proxy } from "../../../../test/support/proxy.js"
