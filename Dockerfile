# One image for the API and the worker; which of them it is, the command says.

FROM node:20-bookworm-slim AS build
WORKDIR /app
# The library is inside the package; what its script would download are GPU parts.
ENV ONNXRUNTIME_NODE_INSTALL=skip
# The manifests alone first: packages are installed again only when one of these changed.
COPY package.json package-lock.json .npmrc ./
COPY packages/config/package.json packages/config/
COPY packages/contract/package.json packages/contract/
COPY packages/log/package.json packages/log/
COPY packages/pipeline/package.json packages/pipeline/
COPY packages/pool/package.json packages/pool/
COPY packages/store/package.json packages/store/
COPY apps/api/package.json apps/api/
COPY apps/cli/package.json apps/cli/
COPY apps/worker/package.json apps/worker/
RUN npm ci
COPY tsconfig.base.json ./
COPY packages packages
COPY apps apps
RUN npm run build:wasm -w @amanuensis/pipeline && npx tsc -b apps/api apps/worker
RUN npm prune --omit=dev

FROM node:20-bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends ffmpeg \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /app ./
COPY models/demo models/demo
COPY models/vad models/vad
# A new volume takes its owner from here.
RUN mkdir /var/lib/amanuensis && chown node:node /var/lib/amanuensis
USER node
