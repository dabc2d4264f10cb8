/** Where Prisma finds its schema; the address is given at run time. */
import { defineConfig } from "prisma/config"

export default defineConfig({ schema: "prisma/schema.prisma" })
