"""MindRecord files: conversion, manifest."""
