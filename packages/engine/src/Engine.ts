/**
 * An engine is a scoped resource that owns the connections to one database and runs sessions on them.
 *
 * It is acquired with a layer and released with it: running sessions are waited for up to `drainTimeout`, then cancelled;
 * no connection, fiber or timer is left behind. Its `SqlClient` is an ordinary one, so everything written for
 * `@effect/sql` works on it.
 *
 * @since 0.1.0
 */
export { fromEnv, layerUrl, makeEnv, makeUrl } from "./internal/engine/fromUrl.js"
export type { EngineDriver, UrlOptions } from "./internal/engine/fromUrl.js"
export { make } from "./internal/engine/make.js"
export type {
  EngineEvent,
  EngineHealth,
  EngineOptions,
  EngineService,
  EngineStats,
  SessionDefaults
} from "./internal/engine/model.js"
export { resource } from "./internal/engine/renewed.js"
export { Engine, layer, Tag } from "./internal/engine/tag.js"
export type { EngineTag } from "./internal/engine/tag.js"
export type { ConnectionHook, HookConnection } from "./internal/lifecycle/hooks.js"
export { ProcessIdentity } from "./internal/lifecycle/identity.js"
export type { ResourceOptions } from "./internal/resource/resource.js"
