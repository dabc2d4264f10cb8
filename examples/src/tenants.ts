/**
 * A service with a database for each tenant: notes, which nobody but their tenant sees.
 *
 *     npm run build && node examples/dist/tenants.js
 *     curl -X PUT localhost:3000/tenants/acme
 *     curl -d '{ "text": "Buy milk" }' localhost:3000/tenants/acme/notes
 *     curl localhost:3000/tenants/acme/notes
 *     curl localhost:3000/health/live
 *
 * Each tenant is an SQLite file, or with TENANT_URL=postgres://app@localhost/tenant_{tenant} a database on a server.
 * CONNECTIONS is the most that all of them together may have open.
 */
import { HttpRouter, HttpServerResponse } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { Layer } from "effect"
import * as Server from "./http/Server.js"
import { routes } from "./tenants/Routes.js"
import { TenantsLive } from "./tenants/Tenants.js"

// No check of databases: that one tenant's is away is no reason to take the whole service out of service.
const app = routes.pipe(HttpRouter.get("/health/live", HttpServerResponse.empty()))

NodeRuntime.runMain(Layer.launch(Server.serve(app).pipe(Layer.provide(TenantsLive))))
