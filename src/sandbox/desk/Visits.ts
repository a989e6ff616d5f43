/**
 * Invented visit data, always the same for the same visitor.
 *
 * @since 0.1.0
 */
import type { UserId } from "../../domain/Id.ts"
import type { VisitInfo } from "../../domain/Visit.ts"

const pages = [
  { pageUrl: "https://shop.seatone.example/products/wave-2", pageTitle: "Wave 2 降噪耳机" },
  { pageUrl: "https://shop.seatone.example/cart", pageTitle: "购物车" },
  { pageUrl: "https://shop.seatone.example/en/products/tide-mini", pageTitle: "Tide Mini earbuds" },
  { pageUrl: "https://shop.seatone.example/orders", pageTitle: "我的订单" }
]
const referrers = ["https://www.baidu.com/", "https://www.google.com/", "", "https://m.weibo.cn/"]
const devices = [
  { browser: "Chrome 142", os: "Windows 11" },
  { browser: "Safari 26", os: "iOS 26" },
  { browser: "WeChat 8.0", os: "Android 16" }
]
const cities = ["上海", "杭州", "成都", "深圳", "Berlin"]

const pick = <A>(items: ReadonlyArray<A>, id: number): A | undefined => items[id % items.length]

/**
 * The visit of a customer, with their number of conversations.
 *
 * @category data
 * @since 0.1.0
 */
export const visitOf = (customerId: UserId, visitCount: number): VisitInfo => ({
  ...pick(pages, customerId),
  ...pick(devices, customerId),
  referrer: pick(referrers, customerId) ?? "",
  city: pick(cities, customerId) ?? "",
  visitCount
})
