/**
 * One session for the life of a request: begun by its first statement, ended before the response leaves.
 *
 * The platform sends a response from inside of the middleware that was given to the server, and after what was put around
 * an app or a router. So the end of the session has two places, and takes the one that comes first: when the app is
 * done, and just before the response is sent (a pre-response handler). A client never sees the response of work that is
 * not committed.
 *
 * | the app ends with | the session |
 * | --- | --- |
 * | a response that `commit` accepts | commits; what COMMIT fails with, the app fails with |
 * | another response | rolls back, and the response is sent |
 * | a failure, a defect, an interruption (the client is gone) | rolls back |
 */
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Context, Duration, Effect, Exit, FiberRef, Scope, Stream } from "effect"
import type { SqlFailure } from "../../SqlFailure.js"
import type { Restore } from "../effects.js"
import type { Refined } from "../failure/failure.js"
import { refine } from "../failure/failure.js"
import type { SessionOptions } from "../session/api.js"
import { end } from "../session/end.js"
import { limit, open, within } from "../session/run.js"
import type { Host, SessionRef } from "../session/unit.js"
import { enter, enterFrom, leave } from "../session/unit.js"
import { tried } from "../session/verbs.js"

type Response = HttpServerResponse.HttpServerResponse

/** What may be asked of a request's session; documented where it is public. */
export interface Options extends Omit<SessionOptions, "nested"> {
  readonly commit?: ((response: Response) => boolean) | undefined
  readonly streams?: "outside" | "inside" | undefined
}

const tellsNoError = ({ status }: Response): boolean => status < 400

const still: Restore = (effect) => effect

const same = (failure: SqlFailure) => failure

/** Reads a stream where the session is over. What a stream is provided with only adds to its context: so by pulling. */
const outsideOf = <A, E>(ended: SessionRef, stream: Stream.Stream<A, E>): Stream.Stream<A, E> =>
  Stream.fromPull(Effect.withFiberRuntime((fiber) => {
    const context = leave(fiber.currentContext, ended)
    return Effect.map(within(Stream.toPull(stream), context), (pull) => within(pull, context))
  }))

/** The session of one attempt at a request. */
class RequestSession {
  /** A response was seen, and it is known what becomes of the session. */
  private decided = false
  /** Its end has begun. */
  private over = false

  constructor(
    private readonly ref: SessionRef,
    private readonly tagKey: string,
    private readonly options: Options,
    private readonly scope: Scope.Scope
  ) {}

  /** Ends it as the response of the app says; succeeds with the response that may be sent. */
  respond(response: Response, restore: Restore): Effect.Effect<Response, SqlFailure> {
    return this.decide(response, restore, this.options.commit ?? tellsNoError)
  }

  /**
   * The same where the response may have been made of a failure, or of an interruption: one that tells of an error never
   * commits. What is sent is sent from inside of the app's context, where the session is over.
   */
  respondBeforeSending(response: Response): Effect.Effect<Response, SqlFailure> {
    const commit = this.options.commit ?? tellsNoError
    const decided = this.decide(response, still, (response) => tellsNoError(response) && commit(response))
    return Effect.map(decided, (response) => {
      const { body } = response
      if (!this.over || body._tag !== "Stream") return response
      const outside = HttpBody.stream(outsideOf(this.ref, body.stream), body.contentType, body.contentLength)
      return HttpServerResponse.setBody(response, outside)
    })
  }

  private decide(
    response: Response,
    restore: Restore,
    commit: (response: Response) => boolean
  ): Effect.Effect<Response, SqlFailure> {
    return Effect.suspend(() => {
      if (this.decided) return Effect.succeed(response)
      this.decided = true
      return Effect.matchCauseEffect(Effect.sync(() => commit(response)), {
        // It threw: that is a defect of the app's.
        onFailure: (cause) => this.end(Exit.failCause(cause), false, restore),
        onSuccess: (keep) => {
          const { body } = response
          return keep && this.options.streams === "inside" && body._tag === "Stream"
            ? this.hold(response, body)
            : this.end(Exit.succeed(response), keep, restore)
        }
      })
    })
  }

  /** The body is read in the session, and the session ends with it. */
  private hold(response: Response, body: HttpBody.Stream): Effect.Effect<Response> {
    const inside = Stream.mapInputContext(
      body.stream,
      (context: Context.Context<never>) => enterFrom(context, this.ref, this.tagKey)
    )
    const commit = Stream.execute(Effect.uninterruptibleMask((restore) => this.end(Exit.void, true, restore)))
    const held = HttpBody.stream(Stream.concat(inside, commit), body.contentType, body.contentLength)
    // It may be read in part, or not at all: a client that is gone, a HEAD request.
    const undo = Effect.suspend(() => this.over ? Effect.void : Effect.ignore(this.end(Exit.void, false, still)))
    return Effect.as(Scope.addFinalizer(this.scope, undo), HttpServerResponse.setBody(response, held))
  }

  end<A, E>(exit: Exit.Exit<A, E>, keep: boolean, restore: Restore): Effect.Effect<A, E | SqlFailure> {
    return Effect.suspend(() => {
      if (this.over) return exit
      this.over = true
      if (!keep) this.ref.scope.rollbackOnly = true
      return end(this.ref, exit, restore, same)
    })
  }
}

/** Runs an app with a session of its own for each request. */
export const inRequestSession = <E, R>(
  host: Host,
  tagKey: string,
  app: HttpApp.Default<E, R>,
  options: Options
): HttpApp.Default<Refined<E>, R | Scope.Scope> =>
  Effect.flatMap(FiberRef.get(HttpApp.currentPreResponseHandlers), (around) => {
    const attempt = Effect.uninterruptibleMask((restore) =>
      Effect.withFiberRuntime<Exit.Exit<Response, E | SqlFailure>, E | SqlFailure, R | Scope.Scope>((fiber) => {
        const scope = Context.unsafeGet(fiber.currentContext, Scope.Scope)
        return Effect.flatMap(open(host, fiber, options, restore), ({ ref }) => {
          const session = new RequestSession(ref, tagKey, options, scope)
          let sent = false
          const beforeSending: HttpApp.PreResponseHandler = (_, response) => {
            sent = true
            // The platform makes a response of what it fails with, as of every failure.
            return session.respondBeforeSending(response) as Effect.Effect<Response>
          }
          const body = within(app, enter(fiber.currentContext, ref, tagKey, options.priority))
          const limited = options.timeout === undefined
            ? body
            : limit(ref, body, Duration.toMillis(options.timeout), same)
          return FiberRef.set(HttpApp.currentPreResponseHandlers, around).pipe(
            Effect.zipRight(HttpApp.appendPreResponseHandler(beforeSending)),
            Effect.zipRight(Effect.exit(restore(limited))),
            Effect.flatMap((exit) =>
              Effect.exit(
                Exit.isSuccess(exit) ? session.respond(exit.value, restore) : session.end(exit, false, restore)
              )
            ),
            // A response that was sent is the last word, also when what it told of could be tried again.
            Effect.flatMap((exit) => sent ? Effect.succeed(exit) : Effect.map(exit, Exit.succeed))
          )
        })
      })
    )
    return refine(Effect.flatten(tried(host, refine(attempt), options)))
  })
