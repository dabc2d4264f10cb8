/**
 * The process of one peer: it is told what to run, and says how long it took.
 */
import type { Answer, Command } from "./apart.js"
import { burst } from "./measure/burst.js"
import { reason, time } from "./measure/time.js"
import type { Running } from "./peer.js"
import { peers as postgres } from "./postgres/peers.js"
import { peers as sqlite } from "./sqlite/peers.js"

const peers = { postgres, sqlite }

let running: Running | undefined

const obey = async (command: Command): Promise<unknown> => {
  if (command._tag === "open") {
    const { address, database, peer, pool } = command
    running = await peers[database].find(({ name }) => name === peer)!.open(address, pool)
    return Object.keys(running)
  }
  if (command._tag === "close") return running!.close()
  const loop = running![command.key]!
  // Not before each batch: V8 throws away with the garbage what it has compiled and learned.
  if (command._tag !== "time") globalThis.gc?.()
  switch (command._tag) {
    case "warm": {
      const { concurrency, count, millis } = command
      const start = performance.now()
      let from = 1
      do {
        await loop({ from, count, concurrency })
        from += count
      } while (performance.now() - start < millis)
      return
    }
    case "time":
      return time(loop, command)
    case "burst":
      return burst(loop, command.from, command.count)
  }
}

process.on("message", (command: Command) => {
  void obey(command).then(
    (value): Answer => ({ value }),
    (error): Answer => ({ failure: reason(error) })
  ).then((answer) => process.send!(answer))
})

process.on("disconnect", () => process.exit())
