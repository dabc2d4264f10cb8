/**
 * A scheduler that knows when nothing is left to run.
 */
import { type Fiber, Scheduler } from "effect"

/** Counts what is left to run: when nothing is, and a turn of the event loop brought nothing new, all fibers wait. */
export class IdleScheduler implements Scheduler.Scheduler {
  private queue = new Scheduler.PriorityBuckets()
  private draining = false
  private generation = 0

  constructor(private readonly onIdle: () => void) {}

  shouldYield(fiber: Fiber.RuntimeFiber<unknown, unknown>): number | false {
    return Scheduler.defaultShouldYield(fiber)
  }

  scheduleTask(task: Scheduler.Task, priority: number): void {
    this.generation++
    this.queue.scheduleTask(task, priority)
    if (!this.draining) {
      this.draining = true
      Promise.resolve().then(this.drain)
    }
  }

  watch(): void {
    const seen = this.generation
    setImmediate(() => {
      if (seen === this.generation && !this.draining) {
        this.onIdle()
      }
    })
  }

  private readonly drain = () => {
    for (let rounds = 0; this.queue.buckets.length > 0; rounds++) {
      if (rounds === 1000) {
        // Fibers that only ever yield would keep everybody outside from their turn.
        setImmediate(this.drain)
        return
      }
      const { buckets } = this.queue
      this.queue.buckets = []
      for (const [, tasks] of buckets) {
        for (const task of tasks) {
          task()
        }
      }
    }
    this.draining = false
    this.watch()
  }
}
