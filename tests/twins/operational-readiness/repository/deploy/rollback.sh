#!/bin/sh
set -eu
kubectl argo rollouts undo orders
