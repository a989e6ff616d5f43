/**
 * The data that the documented client takes and returns: the domain's types without brands, mutable where the app owns
 * the object.
 */
import type * as ChannelSchemas from "../domain/Channel.ts"
import type * as ConversationSchemas from "../domain/Conversation.ts"
import type * as FaqSchemas from "../domain/Faq.ts"
import type * as QueueSchemas from "../domain/PendingQueue.ts"
import type * as perspective from "../domain/Perspective.ts"
import type { Given, Plain, Without } from "../domain/Perspective.ts"
import type * as QuickReplySchemas from "../domain/QuickReply.ts"
import type * as RatingSchemas from "../domain/Rating.ts"
import type * as TagSchemas from "../domain/Tag.ts"
import type * as UploadSchemas from "../domain/Upload.ts"
import type * as UserSchemas from "../domain/User.ts"
import type * as VisitSchemas from "../domain/Visit.ts"
import type { RequestConfig } from "../KefuError.ts"
import type { AckPayload } from "../wire/Frame.ts"

/**
 * 消息: a message as the app receives it, discriminated by `messageType`, which is undefined for unknown kinds.
 *
 * **Gotchas**
 *
 * The content is passed on as the backend sent it, even if it does not match its type.
 *
 * @category models
 * @since 0.1.0
 */
export type Message = perspective.ViewedMessage

/**
 * 消息类型: the names of all known kinds of messages. {@link SendableType} lists those that an app can send.
 *
 * @category models
 * @since 0.1.0
 */
export type MessageType = perspective.MessageName

/**
 * The kinds of messages that an app can send.
 *
 * @category models
 * @since 0.1.0
 */
export type SendableType = "Text" | "Image" | "Video" | "Attachment" | "FAQAnswerMessage" | "OrderMessage"

/**
 * 内容: a string for text; for other kinds an object with url, filename and so on.
 *
 * @category models
 * @since 0.1.0
 */
export type MessageContent<Type extends MessageType = MessageType> = perspective.ContentOf<Type>

/**
 * A message as the old documentation types it: its content is not told apart by its type.
 *
 * @category models
 * @since 0.1.0
 */
export interface DocumentedMessage<Type extends MessageType = MessageType> extends perspective.DocumentedMessage<Type> {
  content: string | object
}

/**
 * Content of which the type says nothing, as the old documentation's `string | Object`; never any other.
 *
 * @category models
 * @since 0.1.0
 */
export type OpaqueContent<Content, Objects = Exclude<Content, string>> = string extends keyof Objects
  ? Content
  : object extends Objects
    ? string extends Objects
      ? never
      : Content
    : never

/**
 * A message of one kind.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageOf<Type extends MessageType> extends perspective.MessageOf<Type> {}

/**
 * 会话: a conversation as the app receives it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Conversation extends perspective.ViewedConversation {}

/**
 * 用户: a visitor (`CUSTOMER`), a member of staff, an administrator or a robot.
 *
 * @category models
 * @since 0.1.0
 */
export interface User extends Plain<UserSchemas.User> {}

/**
 * A page of conversations.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConversationPage extends Without<Plain<ConversationSchemas.ConversationPage>, "conversations"> {
  conversations: Array<Conversation>
}

/**
 * A conversation as the backend sent it, without the fields that depend on the viewer.
 *
 * @category models
 * @since 0.1.0
 */
export interface RawConversation extends Plain<ConversationSchemas.Conversation> {}

/**
 * The number of conversations in each state.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConversationCount extends Plain<ConversationSchemas.ConversationCount> {}

/**
 * The address of an export.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExportResult extends Plain<ConversationSchemas.ExportResult> {}

/**
 * How a visitor reached the conversation.
 *
 * @category models
 * @since 0.1.0
 */
export interface VisitInfo extends Plain<VisitSchemas.VisitInfo> {}

/**
 * The number of visitors in the queue.
 *
 * @category models
 * @since 0.1.0
 */
export interface PendingCount extends Plain<QueueSchemas.PendingCount> {}

/**
 * A position in the queue, counted from 1.
 *
 * @category models
 * @since 0.1.0
 */
export interface PendingPosition extends Plain<QueueSchemas.PendingPosition> {}

/**
 * A tag of a customer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tag extends Plain<TagSchemas.Tag> {}

/**
 * A quick reply of the staff.
 *
 * @category models
 * @since 0.1.0
 */
export interface QuickReply extends Plain<QuickReplySchemas.QuickReply> {}

/**
 * All quick replies of the caller.
 *
 * @category models
 * @since 0.1.0
 */
export interface QuickReplies extends Plain<QuickReplySchemas.QuickReplies> {}

/**
 * The staff to whom a conversation can be transferred.
 *
 * @category models
 * @since 0.1.0
 */
export interface TransferTargets extends Plain<UserSchemas.TransferTargets> {}

/**
 * The response to a rating.
 *
 * @category models
 * @since 0.1.0
 */
export interface RatingReceipt extends Plain<RatingSchemas.RatingReceipt> {}

/**
 * The options of the rating dialogue.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ratings extends Plain<RatingSchemas.Ratings> {}

/**
 * Completions of what the visitor types.
 *
 * @category models
 * @since 0.1.0
 */
export interface Suggestions extends Plain<FaqSchemas.Suggestions> {}

/**
 * Frequently asked questions.
 *
 * @category models
 * @since 0.1.0
 */
export interface Faqs extends Plain<FaqSchemas.Faqs> {}

/**
 * A sub-channel: an entrance through which visitors come.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubChannel extends Plain<ChannelSchemas.SubChannel> {}

/**
 * An uploaded file.
 *
 * @category models
 * @since 0.1.0
 */
export interface UploadedFile extends Plain<UploadSchemas.UploadedFile> {}

/**
 * The token of a new anonymous visitor.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnonymousToken {
  token: string
  [key: string]: unknown
}

/**
 * The backend's acknowledgement of a command.
 *
 * @category models
 * @since 0.1.0
 */
export interface Acknowledgement extends Plain<AckPayload> {}

/**
 * The result of a REST method.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientResponse<Data> {
  /** The body with camelCase keys; its text if it is no JSON, and the empty string if there is none. */
  readonly data: Data
  readonly status: number
  /** The words after the status, for example `OK`; empty over HTTP/2. */
  readonly statusText: string
  /** Header names are in lower case. */
  readonly headers: { readonly [name: string]: string }
  /** The request, without the token. */
  readonly config: RequestConfig
}

/**
 * The progress of an upload, in bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface UploadProgress {
  readonly type: string
  /** Always true. */
  readonly lengthComputable: boolean
  readonly loaded: number
  readonly total: number
}

/**
 * Is called with the progress of an upload. May be declared with the `ProgressEvent` of the old documentation.
 *
 * @category parameters
 * @since 0.1.0
 */
export type OnUploadProgress = { listen(progress: UploadProgress): void }["listen"]

/**
 * The same data, also as an interface of the app, which has no index signature.
 *
 * @category parameters
 * @since 0.1.0
 */
export type Open<A> = A | { [Key in keyof A as string extends Key ? never : Key]: A[Key] }

/**
 * The fields of a profile to change. Other fields are sent, too.
 *
 * @category parameters
 * @since 0.1.0
 */
export interface ProfileUpdate extends Given<UserSchemas.ProfileUpdate> {}

/**
 * A tag to add to a customer. Other fields are sent, too.
 *
 * @category parameters
 * @since 0.1.0
 */
export interface NewTag extends Given<TagSchemas.NewTag> {}

/**
 * A quick reply to add or change. Other fields are sent, too.
 *
 * @category parameters
 * @since 0.1.0
 */
export interface QuickReplyInput extends Given<QuickReplySchemas.QuickReplyInput> {}

/**
 * The conversation to start. Other fields are sent, too.
 *
 * @category parameters
 * @since 0.1.0
 */
export interface ConversationRequest extends Given<ConversationSchemas.ConversationRequest> {}

/**
 * The fields of a conversation to change. Other fields are sent, too.
 *
 * @category parameters
 * @since 0.1.0
 */
export interface ConversationUpdate extends Given<ConversationSchemas.ConversationUpdate> {}

/**
 * The target of a transfer. Other fields are sent, too.
 *
 * @category parameters
 * @since 0.1.0
 */
export interface TransferRequest extends Given<ConversationSchemas.TransferRequest> {}

/**
 * The conversations to export. Other fields are sent, too.
 *
 * @category parameters
 * @since 0.1.0
 */
export interface ExportRequest extends Given<ConversationSchemas.ExportRequest> {}

/**
 * Query parameters under the backend's names. Undefined and null are omitted, arrays are sent as `name[]=a`, other
 * objects as JSON.
 *
 * @category parameters
 * @since 0.1.0
 */
export interface QueryParams {
  readonly [name: string]: unknown
}

/**
 * 过滤参数: filters of the conversation list, under the backend's names. Other filters are sent, too.
 *
 * @category parameters
 * @since 0.1.0
 */
export interface ConversationParams extends QueryParams, ConversationFilter {}

/**
 * 过滤参数: the documented filters of the conversation list.
 *
 * @category parameters
 * @since 0.1.0
 */
export interface ConversationFilter {
  /** 会话状态 */
  readonly state?: "ACTIVE" | "PENDING" | "FINISHED" | null | undefined
  /** 页码, counted from 1 */
  readonly page?: number | null | undefined
  /** 每页显示条数 */
  readonly limit?: number | null | undefined
  /** 搜索关键字 */
  readonly search?: string | null | undefined
  /** 开始时间 */
  readonly begin_at?: number | null | undefined
  /** 结束时间 */
  readonly end_at?: number | null | undefined
  /** 排序 */
  readonly order?: "DESC" | "ASC" | null | undefined
  /** 客户ID */
  readonly customer_id?: number | null | undefined
  /** 显示全部 */
  readonly show_all?: boolean | null | undefined
}
