"""MindRecord files: conversion, writer, manifest."""
