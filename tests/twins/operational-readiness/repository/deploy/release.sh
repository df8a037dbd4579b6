#!/bin/sh
set -eu
kubectl argo rollouts set image orders "orders=$IMAGE"
kubectl argo rollouts status orders
