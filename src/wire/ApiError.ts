/**
 * Errors of the REST API.
 *
 * **Details**
 *
 * The closed backend's bodies are unknown, so the client relies on the status alone and shows the body's `message` if
 * there is one. These bodies are the sandbox's.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const fields = { message: Schema.String, field: Schema.optionalKey(Schema.String) }

/**
 * The request is malformed; `field` names what was wrong. Status 400.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadRequest extends Schema.TaggedError<BadRequest>("effect-kefu/wire/BadRequest")("BadRequest", fields, {
  httpApiStatus: 400
}) {}

/**
 * The token is missing, unknown or expired. Status 401.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unauthorized extends Schema.TaggedError<Unauthorized>("effect-kefu/wire/Unauthorized")(
  "Unauthorized",
  fields,
  { httpApiStatus: 401 }
) {}

/**
 * The caller's role does not allow the call, or the thing belongs to somebody else. Status 403.
 *
 * @category errors
 * @since 0.1.0
 */
export class Forbidden extends Schema.TaggedError<Forbidden>("effect-kefu/wire/Forbidden")("Forbidden", fields, {
  httpApiStatus: 403
}) {}

/**
 * The resource does not exist. Status 404.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotFound extends Schema.TaggedError<NotFound>("effect-kefu/wire/NotFound")("NotFound", fields, {
  httpApiStatus: 404
}) {}

/**
 * The call conflicts with the current state, for example a conversation that has ended. Status 409.
 *
 * @category errors
 * @since 0.1.0
 */
export class Conflict extends Schema.TaggedError<Conflict>("effect-kefu/wire/Conflict")("Conflict", fields, {
  httpApiStatus: 409
}) {}

/**
 * The body or the file is too large. Status 413.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooLarge extends Schema.TaggedError<TooLarge>("effect-kefu/wire/TooLarge")("TooLarge", fields, {
  httpApiStatus: 413
}) {}

/**
 * A limit on the number of visitors, uploads or requests is reached. Status 429.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooManyRequests extends Schema.TaggedError<TooManyRequests>("effect-kefu/wire/TooManyRequests")(
  "TooManyRequests",
  fields,
  { httpApiStatus: 429 }
) {}

/**
 * Every error that a call with a token may answer.
 *
 * @category errors
 * @since 0.1.0
 */
export const ApiError = [BadRequest, Forbidden, NotFound, Conflict, TooLarge, TooManyRequests] as const
